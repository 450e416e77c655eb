import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Offer } from '../discovery/discovery.ts'
import type { InstanceContext, Introduction } from '../instance/instance-context.ts'
import { hasAccounts, isOfSession, isOnBehalf } from '../isolation-key.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { ConcurrencyLimit } from './admission/concurrency-limit.ts'
import { poolToEvict, type PrivatePool } from './eviction.ts'
import type { ResourceWatches } from './members/resource-watches.ts'
import { Pool } from './pool.ts'

/** Time after which a private pool may have become idle. */
const RETRY_AFTER_MS = 1000

/** What the isolated pools of a server are made from. */
export interface IsolatedPoolsOptions {
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  /** Limit for private pools; a tenant may have a part of those of a server for all tenants. */
  readonly maxOwnPools: number
  /** Makes ids that are unique while the process lives, and reveal nothing about callers. */
  readonly nextId: (name: string) => string
  /** Limits the concurrent calls of all pools of the server together. */
  readonly limit: ConcurrencyLimit
  /** The server told an account what it offers. */
  readonly onOffer: (offer: Offer) => void
  /** A pool is no longer used and must be stopped. */
  readonly onDismissed: (pool: Pool, reason: string) => void
}

/** Whom a pool belongs to; a pool without either is shared by the callers of its isolation key. */
interface Ownership {
  /** The one client that its connections are for. */
  readonly client?: ClientSide | undefined
  readonly owner?: Principal | undefined
}

/** A pool of an isolation key. */
interface Isolated extends PrivatePool {
  readonly pool: Pool
  /** Whether it belongs to one caller, so that it may be evicted. */
  readonly isPrivate: boolean
}

/** The pools of one server for callers that do not use the primary one, by isolation key. */
export class IsolatedPools {
  readonly #options: IsolatedPoolsOptions
  readonly #pools = new Map<string, Isolated>()
  #definition: ServerDefinition
  #introduction: Introduction | undefined

  constructor(options: IsolatedPoolsOptions) {
    this.#options = options
    this.#definition = options.definition
  }

  /** What the server declared to the pool of an account most recently. */
  get introduction(): Introduction | undefined {
    return this.#introduction
  }

  get all(): Pool[] {
    return Array.from(this.#pools.values(), ({ pool }) => pool)
  }

  /** Applies a definition without closing connections that it does not affect. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    for (const { pool } of this.#pools.values()) pool.update(definition)
  }

  find(isolationKey: string): Pool | undefined {
    return this.#pools.get(isolationKey)?.pool
  }

  /**
   * Creates the pool of an isolation key that has none.
   * @param watches the subscriptions of the pool that it replaces
   * @throws GatewayError `upstream_unavailable` if too many callers have private pools
   */
  create(isolationKey: string, { client, owner }: Ownership, watches?: ResourceWatches): Pool {
    const { context, nextId, limit } = this.#options
    const definition = this.#definition
    const isPrivate = client !== undefined || owner !== undefined
    if (isPrivate) this.#makeRoom(owner)
    const account = owner !== undefined && isOnBehalf(definition, owner) ? owner : undefined
    const pool: Pool = new Pool({
      nextId: () => nextId(definition.name),
      definition,
      context: account === undefined ? context : onBehalf(context, account),
      client,
      limit,
      isSolo: client !== undefined || definition.sharing === 'session',
      watches,
      events: {
        onIdle: () => this.dismiss(isolationKey, 'it was idle'),
        // Where each account has its own connections, there is no other pool that could tell.
        ...(account !== undefined &&
          hasAccounts(definition) && { onOffer: (offer) => this.#offered(pool, offer) }),
      },
    })
    this.#pools.set(isolationKey, { isolationKey, pool, owner, isPrivate })
    return pool
  }

  /** Closes the pools of a session that has ended, one for each account. */
  dismissSession(key: string, reason: string): void {
    for (const isolationKey of this.#pools.keys())
      if (isOfSession(isolationKey, key)) this.dismiss(isolationKey, reason)
  }

  /** Closes the pools of the accounts that `isOwn` says yes to. */
  dismissAccounts(isOwn: (owner: Principal) => boolean, reason: string): void {
    for (const { isolationKey, owner } of this.#pools.values())
      if (owner !== undefined && isOnBehalf(this.#definition, owner) && isOwn(owner))
        this.dismiss(isolationKey, reason)
  }

  /** Closes the pool of an isolation key, if it has one. */
  dismiss(isolationKey: string, reason: string): void {
    const isolated = this.#pools.get(isolationKey)
    if (isolated === undefined) return
    this.#pools.delete(isolationKey)
    this.#options.onDismissed(isolated.pool, reason)
  }

  /** Forwards a notification of the client that an isolation key stands for. */
  notify(key: string, method: string, params: JsonObject | undefined): void {
    for (const { isolationKey, pool } of this.#pools.values())
      if (isOfSession(isolationKey, key)) pool.notify(method, params)
  }

  /** Replaces pools with watchers, unless the client capabilities that the server may use have changed. */
  takeOver(previous: IsolatedPools): void {
    const isSameGrant = grantOf(previous.#definition) === grantOf(this.#definition)
    for (const { isolationKey, owner, pool } of previous.#pools.values()) {
      const { client, watches } = pool
      if (watches.isWatching && (client === undefined || isSameGrant))
        this.create(isolationKey, { client, owner }, watches).start()
    }
  }

  #offered(pool: Pool, offer: Offer): void {
    this.#introduction = pool.introduction ?? this.#introduction
    this.#options.onOffer(offer)
  }

  #makeRoom(owner: Principal | undefined): void {
    const pools = [...this.#pools.values()].filter(({ isPrivate }) => isPrivate)
    const { maxOwnPools: limit } = this.#options
    const evicted = poolToEvict(pools, owner, { limit, tenantId: this.#definition.tenantId })
    if (evicted === 'none') throw this.#isFull()
    if (evicted !== undefined) this.dismiss(evicted.isolationKey, 'it was evicted for another client')
  }

  #isFull(): GatewayError {
    const { name } = this.#definition
    return new GatewayError(
      'upstream_unavailable',
      `Server ${name} has reached its limit of separate client connections`,
      { facts: { server: name, mayHaveExecuted: false, retryAfterMs: RETRY_AFTER_MS } },
    )
  }
}

/** The same, with connections that use the account of a caller. */
function onBehalf(context: InstanceContext, onBehalfOf: Principal): InstanceContext {
  return {
    ...context,
    connect: (server, events, options) => context.connect(server, events, { ...options, onBehalfOf }),
  }
}

function grantOf({ clientCapabilities }: ServerDefinition): string {
  return clientCapabilities.toSorted().join()
}
