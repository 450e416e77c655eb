import { createHash } from 'node:crypto'
import {
  type AuthorizationServer,
  AuthorizationResponseError,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomState,
  validateAuthResponse,
} from 'oauth4webapi'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { serverKey, urlsOf } from '../../domain/documents/server-definition.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Sealing } from '../../domain/seal/sealing.ts'
import type { StateStore } from '../../state/state-store.ts'
import { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type Account, accountKeyOf } from '../accounts/account.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { termsOf } from '../accounts/renewal.ts'
import { clientOf, keptClient, keptMetadata } from '../authorization/client-access.ts'
import type { Clients } from '../authorization/clients.ts'
import { discoverAuthorization, fetchFor, type OAuthServer } from '../authorization/discovery.ts'
import { exchangeCode, isRefusedGrant } from '../authorization/grants.ts'
import { ConnectFailed } from '../connect-failed.ts'

const COLLECTION = 'consent-flows'
const LIFETIME_MS = 600_000
const OFFLINE = 'offline_access'

/** What has to be known when the browser comes back. */
const pending = z.object({
  tenantId: z.string(),
  subject: z.string(),
  server: z.string(),
  origins: z.array(z.string()),
  verifier: z.string(),
  scopes: z.array(z.string()),
  resource: z.string().optional(),
  as: keptMetadata,
  client: keptClient,
})
type Pending = z.output<typeof pending>

/**
 * Authorization code flows with PKCE for accounts of persons. What belongs to a flow is kept, sealed, under the digest
 * of its `state`: for the person who began it, once, ten minutes, on any replica.
 */
export class AuthorizationFlows {
  readonly #store: StateStore
  readonly #sealing: Sealing
  readonly #accounts: Accounts
  readonly #clients: Clients
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #outbound: Outbound

  constructor(options: {
    store: StateStore
    sealing: Sealing
    accounts: Accounts
    clients: Clients
    clock: Clock
    logger: Logger
    /** Where requests may go; by default anywhere. */
    outbound?: Outbound
  }) {
    this.#store = options.store
    this.#sealing = options.sealing
    this.#accounts = options.accounts
    this.#clients = options.clients
    this.#clock = options.clock
    this.#logger = options.logger
    this.#outbound = options.outbound ?? new Outbound()
  }

  /**
   * Begins a flow; resolves with where the person's browser has to go.
   * @param more scopes to ask for in addition to those of the server and those asked for before
   * @throws ConnectFailed
   */
  async begin(server: OAuthServer, principal: Principal, more: readonly string[]): Promise<URL> {
    const fetch = await fetchFor(server, this.#outbound)
    const {
      as,
      resource,
      scopes: suggested,
    } = await discoverAuthorization(server, {
      issuer: server.auth.issuer,
      fetch,
    })
    if (as.authorization_endpoint === undefined || as.token_endpoint === undefined)
      throw new ConnectFailed(`the authorization server ${as.issuer} has no endpoint for authorization codes`)
    const client = await this.#clients.clientFor(server, as, fetch)
    const before = await this.#accounts.get(accountKeyOf(server, principal))
    const wanted = new Set([...(server.auth.scopes ?? suggested), ...(before?.info.asked ?? []), ...more])
    if (as.scopes_supported?.includes(OFFLINE) === true) wanted.add(OFFLINE)
    const state = generateRandomState()
    const verifier = generateRandomCodeVerifier()
    const scopes = [...wanted]
    await this.#keep(state, {
      tenantId: principal.tenantId,
      subject: principal.subject,
      server: serverKey(server),
      origins: originsOf(server),
      verifier,
      scopes,
      ...(resource !== undefined && { resource }),
      as,
      client,
    })
    return withParameters(new URL(as.authorization_endpoint), {
      ...(wanted.has(OFFLINE) && { prompt: 'consent' }),
      ...server.auth.authorizationParameters,
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: this.#clients.redirectUriOf(server),
      state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      ...(resource !== undefined && { resource }),
    })
  }

  /**
   * Ends a flow with what the authorization server sent the browser back with.
   * @throws ConnectFailed, also when another person began it, or it was for another server
   */
  async finish(server: OAuthServer, principal: Principal, parameters: URLSearchParams): Promise<Account> {
    const state = parameters.get('state') ?? ''
    const flow = await this.#take(server, principal, state)
    const { as, client, resource, verifier } = flow
    const redirectUri = this.#clients.redirectUriOf(server)
    const fetch = await fetchFor(server, this.#outbound)
    try {
      const checked = validateAuthResponse(as, clientOf(client), parameters, state)
      const tokens = await exchangeCode(
        { as, client, resource, fetch },
        { parameters: checked, redirectUri, verifier },
      )
      const { accessToken, refreshToken, lifetimeMs, account } = tokens
      const now = this.#clock.now()
      const info = {
        state: 'connected' as const,
        ...(account !== undefined && { account }),
        scopes: [...(tokens.scopes ?? flow.scopes)],
        asked: flow.scopes,
        since: now,
        issuer: as.issuer,
      }
      const secret = {
        accessToken,
        refreshToken,
        ...termsOf(now, lifetimeMs),
        origins: flow.origins,
        resource,
        as: kept(as),
        client,
      }
      const written = await this.#accounts.put(accountKeyOf(server, principal), { info, secret })
      if (written === undefined) throw new ConnectFailed('the account could not be stored')
      return written
    } catch (error) {
      throw await this.#failure(server, flow, error)
    }
  }

  async #keep(state: string, flow: Pending): Promise<void> {
    const key = keyOf(state)
    const value = this.#sealing.seal(JSON.stringify(flow), key)
    await this.#store.put(COLLECTION, key, value, { expiresAt: this.#clock.now() + LIFETIME_MS })
  }

  /** The flow of a state, once. Another person cannot consume it. */
  async #take(server: OAuthServer, { tenantId, subject }: Principal, state: string): Promise<Pending> {
    const key = keyOf(state)
    const entry = await this.#store.get(COLLECTION, key)
    const text = entry && this.#sealing.open(entry.value, key)
    if (entry === undefined || text === undefined)
      throw new ConnectFailed('this answer belongs to no request of the last ten minutes; begin again')
    const flow = pending.parse(JSON.parse(text))
    if (flow.tenantId !== tenantId || flow.subject !== subject)
      throw new ConnectFailed('another person began this; sign in as that person, or begin again')
    if (flow.server !== serverKey(server))
      throw new ConnectFailed('this answer came to the address of another server')
    if (flow.origins.join() !== originsOf(server).join())
      throw new ConnectFailed('the address of the server has changed meanwhile; begin again')
    if (!(await this.#store.delete(COLLECTION, key, { expected: entry.version })))
      throw new ConnectFailed('this answer was used already')
    return flow
  }

  async #failure(server: OAuthServer, { as, client }: Pending, error: unknown): Promise<unknown> {
    if (error instanceof ConnectFailed) return error
    if (error instanceof AuthorizationResponseError)
      return new ConnectFailed(
        error.error === 'access_denied'
          ? 'access was not granted'
          : `the authorization server answered ${plain(error.error)}`,
      )
    if (isRefusedGrant(error) && !client.isOfDocument) await this.#clients.forget(server, as)
    this.#logger.warn(
      { err: error, server: server.name, issuer: as.issuer },
      'an account could not be connected',
    )
    return new ConnectFailed(
      `the answer of the authorization server cannot be used: ${plain(messageOf(error))}`,
    )
  }
}

function originsOf(server: OAuthServer): string[] {
  return [...new Set(urlsOf(server).map((url) => new URL(url).origin))].toSorted()
}

function keyOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url')
}

/** Of the metadata what is needed later: all of them may be more than a store takes. */
function kept({ issuer, ...as }: AuthorizationServer): AuthorizationServer {
  const { token_endpoint, revocation_endpoint, token_endpoint_auth_methods_supported: methods } = as
  return {
    issuer,
    ...(token_endpoint !== undefined && { token_endpoint }),
    ...(revocation_endpoint !== undefined && { revocation_endpoint }),
    ...(methods !== undefined && { token_endpoint_auth_methods_supported: methods }),
  }
}

function withParameters(url: URL, parameters: Readonly<Record<string, string>>): URL {
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}

function plain(text: string): string {
  return text.slice(0, 200).replaceAll(/\p{C}/gu, ' ')
}
