import type { Clock } from '../../domain/clock.ts'
import { SharedWork } from '../../domain/concurrency/shared-work.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Leases } from '../../state/leases.ts'
import { isRefusedGrant, refresh, type Tokens, withoutToken } from '../authorization/grants.ts'
import { fetchFor, type OAuthServer } from '../authorization/discovery.ts'
import type { OAuthClient } from '../authorization/client-access.ts'
import { type Account, type AccountKey, accountName } from './account.ts'
import type { Accounts } from './accounts.ts'

/** A token is renewed this long before its end, or a third of its life if that is less. */
const MARGIN_MS = 60_000
/** More than a request to an authorization server may take. */
const LEASE_MS = 15_000
const MAX_WRITES = 5

/** When a token ends, and when it is to be renewed: milliseconds since the epoch. */
export function termsOf(
  now: number,
  lifetimeMs: number | undefined,
): { expiresAt?: number; renewAt?: number } {
  if (lifetimeMs === undefined) return {}
  const expiresAt = now + lifetimeMs
  return { expiresAt, renewAt: expiresAt - Math.min(MARGIN_MS, lifetimeMs / 3) }
}

/** Why a token is to be renewed: it is about to expire, or the server has refused it. */
interface Wanted {
  /** The access token that was refused. */
  readonly refused?: string | undefined
}

/** Renews the tokens of accounts, once for all replicas. */
export class Renewal {
  readonly #accounts: Accounts
  readonly #leases: Leases
  readonly #secretOf: (server: OAuthServer) => Promise<string | undefined>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #outbound: Outbound
  readonly #running = new SharedWork<Account | undefined>()

  constructor(options: {
    accounts: Accounts
    leases: Leases
    /** The present secret of the client that a document names. */
    secretOf: (server: OAuthServer) => Promise<string | undefined>
    clock: Clock
    logger: Logger
    /** Where requests may go; by default anywhere. */
    outbound?: Outbound
  }) {
    this.#accounts = options.accounts
    this.#leases = options.leases
    this.#secretOf = options.secretOf
    this.#clock = options.clock
    this.#logger = options.logger
    this.#outbound = options.outbound ?? new Outbound()
  }

  /**
   * The account with an access token that is good for a while; undefined when there is none, or only a person can help.
   * @throws GatewayError `upstream_unavailable` when the authorization server gives no answer, or none with a token; `state_unavailable`
   */
  async fresh(server: OAuthServer, key: AccountKey): Promise<Account | undefined> {
    const account = await this.#accounts.get(key)
    if (account === undefined || !this.#isDue(account)) return account
    return await this.#once(server, key, {}).catch((error: unknown) => {
      // It is renewed before its end so that it is still good while the authorization server is away.
      if (!this.#isOver(account)) return account
      throw error
    })
  }

  /** The account with another access token than the one that the server has refused; undefined as for `fresh`. */
  another(server: OAuthServer, key: AccountKey, refused: string): Promise<Account | undefined> {
    return this.#once(server, key, { refused })
  }

  #once(server: OAuthServer, key: AccountKey, wanted: Wanted): Promise<Account | undefined> {
    const name = `${accountName(key)} ${wanted.refused ?? ''}`
    return this.#running.run(name, () =>
      this.#leases.withLease(`renew ${accountName(key)}`, LEASE_MS, () => this.#renewed(server, key, wanted)),
    )
  }

  /** Under the lease: what another replica has renewed meanwhile is taken. */
  async #renewed(server: OAuthServer, key: AccountKey, { refused }: Wanted): Promise<Account | undefined> {
    const account = await this.#accounts.read(key)
    if (account === undefined || account.info.state === 'expired') return account
    const { accessToken, refreshToken } = account.secret
    const isNeeded = refused === undefined ? this.#isDue(account) : accessToken === refused
    if (!isNeeded) return account
    if (refreshToken === undefined)
      return this.#isOver(account) || refused !== undefined ? this.#expired(account) : account
    let tokens: Tokens
    try {
      tokens = await refresh(await this.#grantorOf(server, account), refreshToken)
    } catch (error) {
      if (isRefusedGrant(error)) return this.#expired(account)
      this.#logger.warn({ err: error, server: server.name }, 'a token could not be renewed')
      throw new GatewayError(
        'upstream_unavailable',
        `The authorization server of ${server.name} ${withoutToken(error)}`,
        {
          cause: error,
          facts: { server: server.name, mayHaveExecuted: false },
        },
      )
    }
    return await this.#keep(account, tokens)
  }

  /** What was renewed is the only copy; only an account that was removed or connected again meanwhile has no use for it. */
  async #keep(renewed: Account, tokens: Tokens): Promise<Account | undefined> {
    const now = this.#clock.now()
    let account: Account | undefined = renewed
    for (let write = 0; write < MAX_WRITES && account !== undefined; write += 1) {
      if (account.secret.refreshToken !== renewed.secret.refreshToken) return account
      const { key, version } = account
      const kept = await this.#accounts.put(key, renewedBy(account, tokens, now), { expected: version })
      if (kept !== undefined) return kept
      account = await this.#accounts.read(key)
    }
    return account
  }

  async #grantorOf(server: OAuthServer, { secret: { as, client, resource } }: Account) {
    const ofDocument = client.isOfDocument ? await this.#secretOf(server) : undefined
    const given: OAuthClient = {
      clientId: client.clientId,
      clientSecret: ofDocument ?? client.clientSecret,
      method: client.method,
    }
    return { as, client: given, resource, fetch: await fetchFor(server, this.#outbound) }
  }

  #expired(account: Account): Promise<Account | undefined> {
    const { key, info, secret, version } = account
    return this.#accounts.put(key, { info: { ...info, state: 'expired' }, secret }, { expected: version })
  }

  #isDue({ secret: { expiresAt, renewAt, refreshToken }, info: { state } }: Account): boolean {
    if (state === 'expired') return false
    // Without a refresh token there is nothing to do before it is over.
    const due = refreshToken === undefined ? expiresAt : renewAt
    return due !== undefined && this.#clock.now() >= due
  }

  #isOver({ secret: { expiresAt } }: Account): boolean {
    return expiresAt !== undefined && this.#clock.now() >= expiresAt
  }
}

/** The account with new tokens; what the answer leaves out stays as it was (RFC 6749 §6). */
function renewedBy({ info, secret }: Account, tokens: Tokens, now: number): Pick<Account, 'info' | 'secret'> {
  const { accessToken, refreshToken = secret.refreshToken, lifetimeMs, scopes = info.scopes } = tokens
  const { expiresAt: _end, renewAt: _due, ...kept } = secret
  return {
    info: { ...info, scopes: [...scopes], state: 'connected' },
    secret: {
      ...kept,
      accessToken,
      refreshToken,
      ...termsOf(now, lifetimeMs),
    },
  }
}
