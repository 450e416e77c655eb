import type { Clock } from '../../domain/clock.ts'
import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import { stateEntries } from '../../state/state-entries.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'
import { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { fetchFor, type OAuthServer } from '../authorization/discovery.ts'
import { revoke } from '../authorization/grants.ts'
import { type AccountInfo, type AccountKey, accountKeyOf, accountName } from './account.ts'
import type { Accounts } from './accounts.ts'

const USES = 'account-uses'
/** The last use of an account is written at most this often. */
const USE_EVERY_MS = 60_000
const MAX_NOTED = 10_000

/** An account of a person or a tenant as it is shown. */
export interface Connection {
  readonly key: AccountKey
  readonly info: AccountInfo
  /** Milliseconds since the epoch; undefined when it was never used. */
  readonly lastUse: number | undefined
}

/** What has become of an account that was disconnected. */
export interface Disconnected {
  /** Whether there was one. */
  readonly wasConnected: boolean
  /** Whether its authorization server has confirmed that its tokens are void. */
  readonly isRevoked: boolean
}

/** The accounts of people and tenants as they see them. */
export class Connections {
  readonly #accounts: Accounts
  readonly #store: StateStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #outbound: Outbound
  /** When the last use of each account was written. */
  readonly #noted = new Map<string, number>()

  /** @param options.outbound where requests may go; by default anywhere */
  constructor(options: {
    accounts: Accounts
    store: StateStore
    outbound?: Outbound
    clock: Clock
    logger: Logger
  }) {
    this.#accounts = options.accounts
    this.#store = options.store
    this.#clock = options.clock
    this.#logger = options.logger
    this.#outbound = options.outbound ?? new Outbound()
  }

  /** Those of a tenant, or of one subject of it (empty: the tenant's own), by server and subject. */
  async list(tenantId: string, subject?: string): Promise<Connection[]> {
    const found = await this.#accounts.list(tenantId, subject)
    const uses = await this.#lastUses(tenantId, subject)
    return found.map(({ key, info }) => ({ key, info, lastUse: uses.get(useKey(key)) }))
  }

  /** Notes that a call of a principal uses its account, in the background. */
  usedBy(server: HttpServerDefinition, principal: Principal): void {
    const key = accountKeyOf(server, principal)
    const name = accountName(key)
    const now = this.#clock.now()
    if (now - (this.#noted.get(name) ?? Number.NEGATIVE_INFINITY) < USE_EVERY_MS) return
    if (this.#noted.size >= MAX_NOTED) this.#noted.clear()
    this.#noted.set(name, now)
    this.#store.put(USES, useKey(key), String(now)).catch((error: unknown) => {
      this.#logger.debug({ err: error }, 'the use of an account could not be noted')
    })
  }

  /**
   * Removes an account, and revokes its tokens where its authorization server can do so (RFC 7009).
   * @param server undefined when it is no longer in the registry
   * @throws GatewayError `state_unavailable`
   */
  async disconnect(key: AccountKey, server: OAuthServer | undefined): Promise<Disconnected> {
    const account = await this.#accounts.read(key)
    const wasConnected = await this.#accounts.delete(key)
    await this.#store.delete(USES, useKey(key))
    if (account === undefined) return { wasConnected, isRevoked: false }
    const { as, client, resource, refreshToken, accessToken } = account.secret
    if (server === undefined) return { wasConnected, isRevoked: false }
    try {
      const grantor = { as, client, resource, fetch: await fetchFor(server, this.#outbound) }
      // The end of the refresh token is that of what was issued with it; not every server sees it so.
      const ofRefresh = refreshToken === undefined ? true : await revoke(grantor, refreshToken)
      const ofAccess = await revoke(grantor, accessToken)
      return { wasConnected, isRevoked: ofRefresh && ofAccess }
    } catch (error) {
      this.#logger.warn({ err: error, server: server.name }, 'the tokens of an account could not be revoked')
      return { wasConnected, isRevoked: false }
    }
  }

  /** One list for all accounts: a read for each would be as many as a tenant has persons. */
  async #lastUses(tenantId: string, subject: string | undefined): Promise<Map<string, number>> {
    const prefix = subject === undefined ? stateKey(tenantId) : stateKey(tenantId, subject)
    const uses = new Map<string, number>()
    for await (const { key, value } of stateEntries(this.#store, USES, `${prefix}/`))
      uses.set(key, Number(value))
    return uses
  }
}

function useKey({ tenantId, subject, server }: AccountKey): string {
  return stateKey(tenantId, subject, server)
}
