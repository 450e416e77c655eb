import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { BreakerState } from '../health/circuit-breaker.ts'
import { ConcurrencyLimit } from './admission/concurrency-limit.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Offer } from '../discovery/discovery.ts'
import type { InstanceContext, InstanceStatus, Introduction } from '../instance/instance-context.ts'
import type { InstanceState } from '../instance/instance-state.ts'
import { givingWay } from './eviction.ts'
import { Pool } from './pool.ts'
import type { ResourceWatches } from './members/resource-watches.ts'

/** Time after which a private pool may have become idle. */
const RETRY_AFTER_MS = 1000

/** The status of a server for operators. */
export interface ServerStatus {
  readonly key: ServerKey
  readonly name: string
  readonly tenantId: string
  /** State of the primary pool, whose instances discovery uses. */
  readonly state: InstanceState
  /** Why it has that state, if that is not obvious. */
  readonly reason?: string
  /** When it reached that state, in milliseconds since the epoch. */
  readonly since: number
  /** State of the primary pool's circuit breaker; absent if it has none. */
  readonly breaker?: BreakerState
  /** The instances of all its pools. */
  readonly instances: readonly InstanceStatus[]
  /** Calls in flight, in all pools. */
  readonly inFlight: number
  /** Calls that wait for a place, in all pools. */
  readonly waiting: number
}

/** The owner of a pool that belongs to one caller. */
interface OwnedBy {
  /** The one client that its connections are for. */
  readonly client?: ClientSide | undefined
  readonly owner?: Principal | undefined
}

/** What the pools of one server are made from. */
export interface ServerPoolsOptions {
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  /** Limit for private pools; a tenant may have a part of those of a server for all tenants. */
  readonly maxOwnPools: number
  /** Makes ids that are unique while the process lives, and reveal nothing about callers. */
  readonly nextId: (name: string) => string
  readonly onState: () => void
  readonly onOffer: (offer: Offer) => void
  /** A pool is no longer used and must be stopped. */
  readonly onDismissed: (pool: Pool, reason: string) => void
  /** The pools of the server's previous definition, whose resource subscriptions continue over the new ones. */
  readonly previous: ServerPools | undefined
  /** Why the server must not run at present, if so. */
  readonly halted?: string | undefined
}

/**
 * The pools of one server: the primary one, which callers share, and the private ones of callers that share no
 * connections.
 */
export class ServerPools {
  readonly key: ServerKey
  /** Without `previous`, which would keep a chain of all earlier pools in memory. */
  readonly #options: Omit<ServerPoolsOptions, 'previous'>
  /** The pool of isolation key `''`. */
  readonly #primary: Pool
  readonly #isolated = new Map<string, Pool>()
  /** The owners of private pools, by isolation key. */
  readonly #owners = new Map<string, Principal | undefined>()
  /** Limits the concurrent calls of all pools together. */
  readonly #limit = new ConcurrencyLimit({ max: () => this.#definition.maxConcurrency ?? Infinity })
  readonly #knownBefore: Introduction | undefined
  #definition: ServerDefinition
  #state: InstanceState = 'stopped'
  #reason: string | undefined
  #since: number

  constructor(options: ServerPoolsOptions) {
    const { previous, ...kept } = options
    const { definition, context } = kept
    this.key = serverKey(definition)
    this.#options = kept
    this.#definition = definition
    this.#knownBefore = previous?.introduction
    this.#reason = definition.enabled ? (kept.halted ?? 'it starts when it is first used') : 'it is disabled'
    this.#since = context.clock.now()
    this.#primary = new Pool({
      nextId: () => kept.nextId(definition.name),
      definition,
      context,
      limit: this.#limit,
      watches: previous?.primary.watches,
      events: {
        onState: (state, reason) => this.#onState(state, reason),
        onOffer: kept.onOffer,
      },
    })
    if (previous !== undefined && definition.enabled && kept.halted === undefined) this.#takeOver(previous)
  }

  get definition(): ServerDefinition {
    return this.#definition
  }

  get state(): InstanceState {
    return this.#state
  }

  get primary(): Pool {
    return this.#primary
  }

  get pools(): Pool[] {
    return [this.#primary, ...this.#isolated.values()]
  }

  /** What the server declared most recently. */
  get introduction(): Introduction | undefined {
    return this.#primary.introduction ?? this.#knownBefore
  }

  get status(): ServerStatus {
    const { name, tenantId } = this.#definition
    const breaker = this.#primary.breaker.state
    return {
      key: this.key,
      name,
      tenantId,
      state: this.#state,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      since: this.#since,
      ...(breaker !== undefined && { breaker }),
      instances: this.pools.flatMap((pool) => pool.instances),
      inFlight: this.#limit.inFlight,
      waiting: this.pools.reduce((sum, { waiting }) => sum + waiting, 0),
    }
  }

  start(): void {
    this.#primary.start()
  }

  /** Applies a definition without closing connections that it does not affect. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    for (const pool of this.pools) pool.update(definition)
  }

  /**
   * The pool of an isolation key, created if necessary; `''` is the primary pool, which has no owner.
   * @throws GatewayError `upstream_unavailable` if too many callers have private pools
   */
  pool(isolationKey: string, own: OwnedBy = {}): Pool {
    if (isolationKey === '') return this.#primary
    return this.#isolated.get(isolationKey) ?? this.#isolate(isolationKey, own)
  }

  /** State of the circuit breaker of an isolation key's pool, or of the primary one if that does not exist. */
  breakerOf(isolationKey: string): BreakerState | undefined {
    return (this.#isolated.get(isolationKey) ?? this.#primary).breaker.state
  }

  /** Closes the pool of an isolation key that will not be used again. */
  release(isolationKey: string): void {
    this.#dismiss(isolationKey, 'its callers have disconnected')
  }

  tell(isolationKey: string, method: string, params: JsonObject | undefined): void {
    this.#isolated.get(isolationKey)?.tell(method, params)
  }

  #isolate(isolationKey: string, { client, owner }: OwnedBy, watches?: ResourceWatches): Pool {
    const { context, nextId } = this.#options
    const definition = this.#definition
    const isOwn = client !== undefined || owner !== undefined
    if (isOwn) this.#makeRoom(owner)
    const pool = new Pool({
      nextId: () => nextId(definition.name),
      definition,
      context,
      client,
      limit: this.#limit,
      isSolo: client !== undefined || definition.sharing === 'session',
      watches,
      events: { onIdle: () => this.#dismiss(isolationKey, 'it was idle') },
    })
    this.#isolated.set(isolationKey, pool)
    if (isOwn) this.#owners.set(isolationKey, owner)
    return pool
  }

  #makeRoom(owner: Principal | undefined): void {
    const { maxOwnPools: most } = this.#options
    const pools = [...this.#owners].flatMap(([isolationKey, its]) => {
      const pool = this.#isolated.get(isolationKey)
      return pool === undefined ? [] : [{ isolationKey, pool, owner: its }]
    })
    const leaving = givingWay(pools, owner, { most, tenantId: this.#definition.tenantId })
    if (leaving === 'nobody') throw this.#isFull()
    if (leaving !== undefined) this.#dismiss(leaving.isolationKey, 'it was evicted for another client')
  }

  #isFull(): GatewayError {
    const { name } = this.#definition
    return new GatewayError(
      'upstream_unavailable',
      `Server ${name} has reached its limit of separate client connections`,
      { facts: { server: name, mayHaveExecuted: false, retryAfterMs: RETRY_AFTER_MS } },
    )
  }

  #dismiss(isolationKey: string, reason: string): void {
    const pool = this.#isolated.get(isolationKey)
    if (pool === undefined) return
    this.#isolated.delete(isolationKey)
    this.#owners.delete(isolationKey)
    this.#options.onDismissed(pool, reason)
  }

  /** Keeps pools with watchers, unless the client capabilities that the server may use have changed. */
  #takeOver(previous: ServerPools): void {
    const isSameGrant =
      previous.#definition.clientCapabilities.toSorted().join() ===
      this.#definition.clientCapabilities.toSorted().join()
    for (const [isolationKey, { client, watches }] of previous.#isolated) {
      if (watches.isWatching && (client === undefined || isSameGrant))
        this.#isolate(isolationKey, { client, owner: previous.#owners.get(isolationKey) }, watches).start()
    }
  }

  #onState(state: InstanceState, reason: string | undefined): void {
    // A restart after a failure is still shown as that failure, until the outcome of the start is known.
    const isRetry = this.#state === 'backing_off' && state === 'starting'
    this.#state = state
    this.#reason = reason ?? (isRetry ? this.#reason : undefined)
    this.#since = this.#options.context.clock.now()
    this.#options.onState()
  }
}
