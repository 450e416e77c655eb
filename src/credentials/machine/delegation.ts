import { digestOf } from '../../cache/digest.ts'
import { lruCache } from '../../cache/lru.ts'
import { parseSecretReference, type ResolveSecret } from '../../domain/documents/secret-reference.ts'
import { type HttpServerDefinition, serverKey, urlsOf } from '../../domain/documents/server-definition.ts'
import type { ServerAuth } from '../../domain/documents/server-auth.ts'
import type { Presented } from '../../domain/presented.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import { type Assertions, gatewayItself } from '../../identity/own-issuer/assertions.ts'
import type { CredentialSource } from '../../upstream/credentials/credential-source.ts'
import type { ConfidentialClient } from './client-proof.ts'
import { exchange, type Exchange } from './exchange.ts'
import type { IssuedTokens } from './issued-tokens.ts'
import { type IssuedToken, ownToken } from './machine-grants.ts'
import type { TokenPlaces } from './token-places.ts'
import { tokenRefused } from './token-refused.ts'
import { wishOf } from './wish.ts'

const MAX_SUBJECTS = 10_000
const PROOF_SECONDS = 60

type Kind<K extends ServerAuth['kind']> = HttpServerDefinition & {
  readonly auth: Extract<ServerAuth, { kind: K }>
}
type MachineServer = Kind<'client_credentials'> | Kind<'token_exchange'> | Kind<'gateway_assertion'>

/** Whether the gateway gets the credential of a server itself, without a person. */
function isMachineServer(server: HttpServerDefinition): server is MachineServer {
  const { kind } = server.auth
  return kind === 'client_credentials' || kind === 'token_exchange' || kind === 'gateway_assertion'
}

interface DelegationOptions {
  readonly tokens: IssuedTokens
  readonly places: TokenPlaces
  readonly assertions: Pick<Assertions, 'sign'>
  readonly resolveSecret: ResolveSecret
}

/** The credentials that the gateway gets for itself, and for each caller, at the authorization servers of servers. */
export class Delegation {
  readonly #options: DelegationOptions
  /** The newest token of each caller that may have to be exchanged. */
  readonly #presented = lruCache<string>(MAX_SUBJECTS)

  constructor(options: DelegationOptions) {
    this.#options = options
  }

  /**
   * Makes sure of the credential of a call before anything is sent.
   * @throws GatewayError `delegation_refused`, `upstream_unavailable`
   */
  async prepare(
    server: HttpServerDefinition,
    { principal, presented }: { readonly principal: Principal; readonly presented?: Presented | undefined },
  ): Promise<void> {
    if (!isMachineServer(server) || server.auth.kind !== 'token_exchange') return
    const { token } = presented ?? {}
    if (token !== undefined) this.#presented.set(principalKey(principal), token)
    await this.#token(server, principal)
  }

  /** The credential of the connections for a caller, or for all callers; undefined where documents say what it is. */
  sourceFor(server: HttpServerDefinition, onBehalfOf: Principal | undefined): CredentialSource | undefined {
    if (!isMachineServer(server)) return undefined
    const token = async (): Promise<string> => `Bearer ${await this.#token(server, onBehalfOf)}`
    return {
      authorization: token,
      refused: (authorization, { isScope, isLast }) => {
        this.#options.tokens.forget(nameOf(server, onBehalfOf), authorization.replace(/^Bearer /, ''))
        // The next token would have the same scopes.
        return isScope || isLast ? Promise.resolve(undefined) : token()
      },
    }
  }

  #token(server: MachineServer, caller: Principal | undefined): Promise<string> {
    const presented = caller && this.#presented.get(principalKey(caller))
    return this.#options.tokens.of(nameOf(server, caller), {
      attempt: presented ?? '',
      ask: () => this.#asked(server, caller, presented),
    })
  }

  async #asked(
    server: MachineServer,
    caller: Principal | undefined,
    presented: string | undefined,
  ): Promise<IssuedToken> {
    const { assertions } = this.#options
    const { auth } = server
    if (auth.kind === 'gateway_assertion') {
      const { audience = urlsOf(server)[0] ?? '', lifetimeSeconds } = auth
      const about = caller ?? gatewayItself(server.tenantId)
      const token = await assertions.sign(about, { audience, lifetimeSeconds })
      return { token, lifetimeMs: lifetimeSeconds * 1000 }
    }
    const secrets = presented === undefined ? [] : [presented]
    try {
      const filled = await this.#withSecrets(auth)
      secrets.push(
        ...secretsIn(filled),
        ...(filled.kind === 'token_exchange' ? secretsIn(filled.identityAssertion) : []),
      )
      if (caller === undefined || filled.kind === 'client_credentials') return await this.#own(server, filled)
      return await exchange(await this.#exchangeOf(server, filled), {
        principal: caller,
        presented,
        assert: (audience) => assertions.sign(caller, { audience, lifetimeSeconds: PROOF_SECONDS }),
      })
    } catch (error) {
      throw tokenRefused(error, {
        server,
        isOfCaller: caller !== undefined && auth.kind === 'token_exchange',
        secrets,
      })
    }
  }

  /** A token of the gateway for itself, from where tokens for the server come from in the end. */
  async #own(
    server: HttpServerDefinition,
    auth: Extract<ServerAuth, { kind: 'client_credentials' | 'token_exchange' }>,
  ): Promise<IssuedToken> {
    const last = auth.kind === 'token_exchange' ? auth.identityAssertion : undefined
    const client = last ?? auth
    const place = await this.#options.places.of(server, client)
    const wish =
      last === undefined
        ? wishOf(auth, place)
        : wishOf({ resource: auth.resource, scopes: last.scopes }, place)
    return await ownToken({ place, client }, wish)
  }

  async #exchangeOf(
    server: HttpServerDefinition,
    auth: Extract<ServerAuth, { kind: 'token_exchange' }>,
  ): Promise<Exchange> {
    const { places } = this.#options
    const { identityAssertion: second } = auth
    return {
      server,
      auth,
      place: await places.of(server, auth),
      second: second && { place: await places.of(server, second), client: second, scopes: second.scopes },
    }
  }

  async #withSecrets<A extends Extract<ServerAuth, { kind: 'client_credentials' | 'token_exchange' }>>(
    auth: A,
  ): Promise<A> {
    const second = auth.kind === 'token_exchange' ? auth.identityAssertion : undefined
    return {
      ...auth,
      ...(await this.#resolved(auth)),
      ...(second !== undefined && { identityAssertion: { ...second, ...(await this.#resolved(second)) } }),
    }
  }

  async #resolved({ clientSecret, privateKey }: ConfidentialClient): Promise<Partial<ConfidentialClient>> {
    return {
      ...(clientSecret !== undefined && { clientSecret: await this.#valueOf(clientSecret) }),
      ...(privateKey !== undefined && { privateKey: await this.#valueOf(privateKey) }),
    }
  }

  #valueOf(text: string): Promise<string> {
    const reference = parseSecretReference(text)
    return reference === undefined ? Promise.resolve(text) : this.#options.resolveSecret(reference)
  }
}

function secretsIn({ clientSecret, privateKey }: Partial<ConfidentialClient> = {}): string[] {
  return [clientSecret, privateKey].filter((secret) => secret !== undefined)
}

/** Documents are immutable, so each is digested once. */
const digests = new WeakMap<ServerAuth, string>()

/** What a token is for, and about whom: another document or another caller has another token. */
function nameOf(server: MachineServer, caller: Principal | undefined): string {
  const { auth } = server
  let digest = digests.get(auth)
  if (digest === undefined) {
    digest = digestOf(auth, urlsOf(server))
    digests.set(auth, digest)
  }
  const who = auth.kind === 'client_credentials' || caller === undefined ? '' : principalKey(caller)
  return JSON.stringify([serverKey(server), digest, who])
}
