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
import { poolToEvict, type PrivatePool } from './eviction.ts'
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
  /** Calls that wait for a permit, in all pools. */
  readonly waiting: number
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
  /** All other pools, by isolation key. */
  readonly #isolated = new Map<string, Isolated>()
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
    return [this.#primary, ...Array.from(this.#isolated.values(), ({ pool }) => pool)]
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

  /** The pool of an isolation key; `''` is the primary pool, which always exists. */
  find(isolationKey: string): Pool | undefined {
    return isolationKey === '' ? this.#primary : this.#isolated.get(isolationKey)?.pool
  }

  /**
   * Creates the pool of an isolation key.
   * @throws GatewayError `upstream_unavailable` if too many callers have private pools
   */
  create(isolationKey: string, { client, owner }: Ownership, watches?: ResourceWatches): Pool {
    const { context, nextId } = this.#options
    const definition = this.#definition
    const isPrivate = client !== undefined || owner !== undefined
    if (isPrivate) this.#makeRoom(owner)
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
    this.#isolated.set(isolationKey, { isolationKey, pool, owner, isPrivate })
    return pool
  }

  /** State of the circuit breaker of an isolation key's pool, or of the primary one if that does not exist. */
  breakerOf(isolationKey: string): BreakerState | undefined {
    return (this.find(isolationKey) ?? this.#primary).breaker.state
  }

  /** Closes the pool of an isolation key that will not be used again. */
  release(isolationKey: string): void {
    this.#dismiss(isolationKey, 'its callers have disconnected')
  }

  /** Forwards a notification of the client that an isolation key stands for. */
  notify(isolationKey: string, method: string, params: JsonObject | undefined): void {
    this.#isolated.get(isolationKey)?.pool.notify(method, params)
  }

  #makeRoom(owner: Principal | undefined): void {
    const pools = [...this.#isolated.values()].filter(({ isPrivate }) => isPrivate)
    const { maxOwnPools: limit } = this.#options
    const evicted = poolToEvict(pools, owner, { limit, tenantId: this.#definition.tenantId })
    if (evicted === 'none') throw this.#isFull()
    if (evicted !== undefined) this.#dismiss(evicted.isolationKey, 'it was evicted for another client')
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
    const isolated = this.#isolated.get(isolationKey)
    if (isolated === undefined) return
    this.#isolated.delete(isolationKey)
    this.#options.onDismissed(isolated.pool, reason)
  }

  /** Keeps pools with watchers, unless the client capabilities that the server may use have changed. */
  #takeOver(previous: ServerPools): void {
    const isSameGrant =
      previous.#definition.clientCapabilities.toSorted().join() ===
      this.#definition.clientCapabilities.toSorted().join()
    for (const { isolationKey, owner, pool } of previous.#isolated.values()) {
      const { client, watches } = pool
      if (watches.isWatching && (client === undefined || isSameGrant))
        this.create(isolationKey, { client, owner }, watches).start()
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
