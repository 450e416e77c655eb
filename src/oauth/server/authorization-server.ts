import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Adapter, Provider } from 'oidc-provider'
import type { Clock } from '../../domain/clock.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import type { SigningKeys } from '../../identity/own-issuer/signing-keys.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Grant } from '../grants/grant.ts'
import { accountId } from '../grants/account.ts'
import { fetchedAsResponse } from './document-response.ts'
import { type GrantLifetime, providerConfiguration, type ProviderHooks } from './provider-configuration.ts'
import { providerStore } from './provider-store.ts'

/** What the authorization server is made of. */
export interface AuthorizationServerOptions extends ProviderHooks {
  readonly publicUrl: string
  readonly store: StateStore
  readonly stateKeys: KeyRing
  readonly signingKeys: SigningKeys
  readonly lifetime: GrantLifetime
  /** Is told when the provider ends a grant by itself. */
  readonly onGrantEnded: (accountId: string, grantId: string) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

interface Running {
  readonly provider: Provider
  readonly listener: Listener
  /** Clients that registered themselves. */
  readonly clients: Adapter
  /** The key that it signs with. */
  readonly kid: string | undefined
}

/** The authorization server inside: `oidc-provider`, which is loaded at the first request. */
export class AuthorizationServer {
  readonly #options: AuthorizationServerOptions
  #running: Promise<Running> | undefined

  constructor(options: AuthorizationServerOptions) {
    this.#options = options
  }

  /** The provider with the keys of now. @throws GatewayError `state_unavailable` */
  async provider(): Promise<Provider> {
    return (await this.#current()).provider
  }

  /** Serves a request of one of the endpoints. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { listener } = await this.#current()
    const { publicUrl } = this.#options
    const { protocol, host } = new URL(publicUrl)
    // The provider makes its addresses of these, and decides by them whether cookies may be secure; what a client says does
    // not count.
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    request.headers['x-forwarded-host'] = host
    Object.assign(request, { originalUrl: publicPath(publicUrl, request.url ?? '/') })
    await listener(request, response)
  }

  /** Keeps a client that registered itself for as long as a grant of it can last. */
  async keepClient(clientId: string, seconds: number): Promise<void> {
    const { clients } = await this.#current()
    const registered = await clients.find(clientId)
    if (registered !== undefined) await clients.upsert(clientId, registered, seconds)
  }

  /** Ends a grant, with everything that was issued for it. */
  async revoke(grant: Grant): Promise<void> {
    const { Grant: ProviderGrant } = await this.provider()
    // What the provider still has of it goes first; its store tells of the rest.
    await ProviderGrant.adapter.destroy(grant.id)
    await this.#options.onGrantEnded(accountId(grant), grant.id)
  }

  async #current(): Promise<Running> {
    const keys = await this.#options.signingKeys.current()
    const running = await this.#running?.catch(() => undefined)
    if (running !== undefined && running.kid === keys[0]?.kid) return running
    this.#running = this.#start(keys)
    return await this.#running
  }

  async #start(keys: Awaited<ReturnType<SigningKeys['current']>>): Promise<Running> {
    const { Provider: ProviderClass, errors } = await import('oidc-provider')
    const { publicUrl, store, stateKeys, clock, logger, onGrantEnded, metadataDocument } = this.#options
    const adapter = providerStore({
      store,
      stateKeys,
      clock,
      onGrantEnded: async ({ accountId: account, jti }) => {
        if (account !== undefined && jti !== undefined) await onGrantEnded(account, jti)
      },
      alreadyUsed: () => new errors.InvalidGrant('it was used before'),
    })
    const provider = new ProviderClass(publicUrl, {
      ...providerConfiguration({ ...this.#options, errors, adapter, keys }),
      fetch: fetchedAsResponse(metadataDocument),
    })
    provider.proxy = true
    provider.on('server_error', (_ctx, error) =>
      logger.error({ err: error }, 'the authorization server failed'),
    )
    return { provider, listener: provider.callback(), clients: adapter('Client'), kid: keys[0]?.kid }
  }
}
