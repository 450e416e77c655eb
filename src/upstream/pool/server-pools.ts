import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { BreakerState } from '../health/circuit-breaker.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Offer } from '../discovery/discovery.ts'
import type { InstanceContext, InstanceStatus, Introduction } from '../instance/instance-context.ts'
import type { InstanceState } from '../instance/instance-state.ts'
import { givingWay } from './own-pools.ts'
import { Pool } from './pool.ts'
import type { ResourceWatches } from './resource-watches.ts'

/** When a place for one more client may be free. */
const RETRY_AFTER_MS = 1000

/** What an operator sees of a server. */
export interface ServerStatus {
  readonly key: ServerKey
  readonly name: string
  readonly tenantId: string
  /** State of the pool that tells what the server offers. */
  readonly state: InstanceState
  /** Why it is in that state, where that is not obvious. */
  readonly reason?: string
  /** When it got into that state, in milliseconds since the epoch. */
  readonly since: number
  /** Whether calls get through to the pool that tells what the server offers; absent where no breaker is wanted. */
  readonly breaker?: BreakerState
  /** Of all pools of the server. */
  readonly instances: readonly InstanceStatus[]
  /** Calls at the moment, over all of them. */
  readonly inFlight: number
  /** Calls that wait for an instance to have a place for them. */
  readonly waiting: number
}

/** Whose a pool is, where it is one caller's own. */
interface OwnedBy {
  /** The one client that its connections are for. */
  readonly client?: ClientSide | undefined
  readonly owner?: Principal | undefined
}

/** What the pools of one server are made from. */
export interface ServerPoolsOptions {
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  /** At most so many pools are one caller's own; a tenant may have a part of those of a server for all tenants. */
  readonly maxOwnPools: number
  /** Names tell instances apart for as long as the process lives, and say nothing about their callers. */
  readonly nextId: (name: string) => string
  readonly onState: () => void
  readonly onOffer: (offer: Offer) => void
  /** A pool is not used any more and has to be stopped. */
  readonly onDismissed: (pool: Pool, reason: string) => void
  /** The same server under its definition before: what is watched goes on over the new pools. */
  readonly previous: ServerPools | undefined
  /** Why the server is not to run for now, if it is not. */
  readonly halted?: string | undefined
}

/** One server: the pool that its callers share, and those of callers that share no connection with others. */
export class ServerPools {
  readonly key: ServerKey
  /** Without the pools before, which would keep those before them. */
  readonly #options: Omit<ServerPoolsOptions, 'previous'>
  /** The pool of isolation key `''`. */
  readonly #primary: Pool
  readonly #isolated = new Map<string, Pool>()
  /** Whose own pools are that are one caller's own, by isolation key. */
  readonly #owners = new Map<string, Principal | undefined>()
  /** Of the calls of all pools together. */
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

  /** What the server said of itself at the latest. */
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

  /** Takes over what does not concern connections that stay. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    for (const pool of this.pools) pool.update(definition)
  }

  /**
   * The pool of an isolation key, made if there is none; `''` is the primary one, which is nobody's own.
   * @throws GatewayError `upstream_unavailable` when too many callers have pools of their own
   */
  pool(isolationKey: string, own: OwnedBy = {}): Pool {
    if (isolationKey === '') return this.#primary
    return this.#isolated.get(isolationKey) ?? this.#isolate(isolationKey, own)
  }

  /** State of the circuit of an isolation key's pool, if there is one, else of the primary one. */
  breakerOf(isolationKey: string): BreakerState | undefined {
    return (this.#isolated.get(isolationKey) ?? this.#primary).breaker.state
  }

  /** Closes the pool of an isolation key that nobody will use again. */
  release(isolationKey: string): void {
    this.#dismiss(isolationKey, 'its callers have gone')
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
    if (leaving !== undefined) this.#dismiss(leaving.isolationKey, 'another client needs its place')
  }

  #isFull(): GatewayError {
    const { name } = this.#definition
    return new GatewayError(
      'upstream_unavailable',
      `Server ${name} has no connection left for one more client of its own; all are in use`,
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

  /** Pools with watchers go on, unless their clients may not be asked for the same things any more. */
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
    // What starts again after a failure is best told by that failure, until it is known how the start went.
    const isRetry = this.#state === 'backing_off' && state === 'starting'
    this.#state = state
    this.#reason = reason ?? (isRetry ? this.#reason : undefined)
    this.#since = this.#options.context.clock.now()
    this.#options.onState()
  }
}
