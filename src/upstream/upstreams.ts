import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/server-definition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Connect } from './connection/connection.ts'
import type { Offer } from './discovery.ts'
import type { InstanceContext, InstanceStatus } from './instance.ts'
import type { InstanceState } from './instance-state.ts'
import { Pool } from './pool.ts'
import { Slots } from './slots.ts'

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
  /** Of all pools of the server. */
  readonly instances: readonly InstanceStatus[]
}

export interface UpstreamsOptions {
  readonly connect: Connect
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  readonly logger: Logger
  /** How many instances may start at the same time; 8 by default. */
  readonly startConcurrency?: number
  readonly connectTimeoutMs: number
  readonly drainTimeoutMs: number
  /** A server said what it offers: after each start, and whenever it was asked again. */
  readonly onOffer: (key: ServerKey, offer: Offer) => void
  readonly onState: (key: ServerKey, status: ServerStatus) => void
}

interface Upstream {
  definition: ServerDefinition
  /** The pool of isolation key `''`. */
  readonly primary: Pool
  /** Pools of callers that share no connection with others, by isolation key. */
  readonly isolated: Map<string, Pool>
  state: InstanceState
  reason: string | undefined
  since: number
}

/** All servers that the gateway is connected to, each with its pools. */
export class Upstreams {
  readonly #options: UpstreamsOptions
  readonly #context: InstanceContext
  readonly #upstreams = new Map<ServerKey, Upstream>()
  /** Pools that are on their way out. */
  readonly #leaving = new Map<Pool, Promise<void>>()
  #lastInstance = 0
  #isClosed = false

  constructor(options: UpstreamsOptions) {
    const { connect, clock, random, logger, connectTimeoutMs, drainTimeoutMs, startConcurrency = 8 } = options
    this.#options = options
    const slots = new Slots({ count: startConcurrency })
    this.#context = { connect, clock, random, logger, slots, connectTimeoutMs, drainTimeoutMs }
  }

  /** Takes a server in, and starts it unless it is disabled or starts on first use only. */
  start(definition: ServerDefinition): void {
    this.replace(definition)
  }

  /** Starts a server anew, with other connection settings. Calls in flight finish on the old connection. */
  replace(definition: ServerDefinition, reason = 'its definition changed'): void {
    if (this.#isClosed) return
    const key = serverKey(definition)
    const previous = this.#upstreams.get(key)
    const upstream = this.#create(key, definition)
    this.#upstreams.set(key, upstream)
    void this.#dismiss(previous, reason)
    if (definition.enabled && definition.lifecycle.autoStart) upstream.primary.start()
    else this.#options.onState(key, statusOf(key, upstream))
  }

  /** Opens the connections of a server anew, as it is. Calls in flight finish on the old ones. */
  reconnect(key: ServerKey, reason: string): void {
    const upstream = this.#upstreams.get(key)
    if (upstream !== undefined) this.replace(upstream.definition, reason)
  }

  /** Whether a server could not be connected, or lost its connection. */
  isDown(key: ServerKey): boolean {
    const state = this.#upstreams.get(key)?.state
    return state === 'backing_off' || state === 'failed'
  }

  /** Takes over fields that do not concern the connection, which stays. */
  update(definition: ServerDefinition): void {
    const upstream = this.#upstreams.get(serverKey(definition))
    if (upstream === undefined || upstream.definition.enabled !== definition.enabled) {
      this.replace(definition)
      return
    }
    upstream.definition = definition
    upstream.primary.update(definition)
    for (const pool of upstream.isolated.values()) pool.update(definition)
  }

  /** Drops a server. Resolves when its calls in flight have finished and its connections are closed. */
  async stop(key: ServerKey): Promise<void> {
    const upstream = this.#upstreams.get(key)
    this.#upstreams.delete(key)
    await this.#dismiss(upstream, 'it was removed')
  }

  /**
   * The pool that callers of one isolation key share; `''` is the pool that all others share.
   * @throws GatewayError `upstream_unavailable` for a server that is not there or is disabled
   */
  poolFor(definition: ServerDefinition, isolationKey: string): Pool {
    const upstream = this.#upstreams.get(serverKey(definition))
    if (upstream === undefined || !upstream.definition.enabled) {
      throw new GatewayError('upstream_unavailable', `Server ${definition.name} is not available`, {
        facts: { server: definition.name, mayHaveExecuted: false },
      })
    }
    if (isolationKey === '') return upstream.primary
    return upstream.isolated.get(isolationKey) ?? this.#isolate(upstream, isolationKey)
  }

  /** Closes the pools of an isolation key that nobody will use again. */
  release(isolationKey: string): void {
    for (const upstream of this.#upstreams.values()) {
      const pool = upstream.isolated.get(isolationKey)
      if (pool === undefined) continue
      upstream.isolated.delete(isolationKey)
      void this.#dismissPool(pool, 'its callers have gone')
    }
  }

  status(key: ServerKey): ServerStatus | undefined {
    const upstream = this.#upstreams.get(key)
    return upstream === undefined ? undefined : statusOf(key, upstream)
  }

  statuses(): ReadonlyMap<ServerKey, ServerStatus> {
    return new Map([...this.#upstreams].map(([key, upstream]) => [key, statusOf(key, upstream)]))
  }

  /** Starts a server that waits for its first use. */
  wake(key: ServerKey): void {
    const upstream = this.#upstreams.get(key)
    if (upstream?.state === 'stopped' && upstream.definition.enabled) upstream.primary.start()
  }

  /** Drops all servers at once: calls that are still in flight fail. Resolves when every process has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const reason = 'the gateway is stopping'
    const pools = [...this.#upstreams.values()].flatMap(({ primary, isolated }) => [
      primary,
      ...isolated.values(),
    ])
    this.#upstreams.clear()
    for (const pool of new Set([...pools, ...this.#leaving.keys()]))
      void this.#dismissPool(pool, reason, true)
    await Promise.all(this.#leaving.values())
  }

  #create(key: ServerKey, definition: ServerDefinition): Upstream {
    const primary = new Pool({
      id: this.#nextId(definition),
      definition,
      context: this.#context,
      events: {
        onState: (state, reason) => this.#onState(key, primary, state, reason),
        onOffer: (offer) => {
          if (this.#upstreams.get(key)?.primary === primary) this.#options.onOffer(key, offer)
        },
      },
    })
    return {
      definition,
      primary,
      isolated: new Map(),
      state: 'stopped',
      reason: definition.enabled ? 'it starts when it is first used' : 'it is disabled',
      since: this.#context.clock.now(),
    }
  }

  #isolate(upstream: Upstream, isolationKey: string): Pool {
    const { definition } = upstream
    const pool = new Pool({
      id: this.#nextId(definition),
      definition,
      context: this.#context,
      events: {
        onIdle: () => {
          upstream.isolated.delete(isolationKey)
          void this.#dismissPool(pool, 'it was idle')
        },
      },
    })
    upstream.isolated.set(isolationKey, pool)
    return pool
  }

  /** Names tell instances apart for as long as the process lives, and say nothing about their callers. */
  #nextId({ name }: ServerDefinition): string {
    this.#lastInstance += 1
    return `${name}-${this.#lastInstance}`
  }

  #onState(key: ServerKey, pool: Pool, state: InstanceState, reason: string | undefined): void {
    const upstream = this.#upstreams.get(key)
    if (upstream?.primary !== pool) return
    upstream.state = state
    upstream.reason = reason
    upstream.since = this.#context.clock.now()
    this.#options.onState(key, statusOf(key, upstream))
  }

  async #dismiss(upstream: Upstream | undefined, reason: string): Promise<void> {
    if (upstream === undefined) return
    const pools = [upstream.primary, ...upstream.isolated.values()]
    upstream.isolated.clear()
    await Promise.all(pools.map((pool) => this.#dismissPool(pool, reason)))
  }

  #dismissPool(pool: Pool, reason: string, atOnce = false): Promise<void> {
    const leaving = pool.stop(reason, { atOnce }).finally(() => this.#leaving.delete(pool))
    this.#leaving.set(pool, leaving)
    return leaving
  }
}

function statusOf(key: ServerKey, upstream: Upstream): ServerStatus {
  const { definition, primary, isolated, state, reason, since } = upstream
  return {
    key,
    name: definition.name,
    tenantId: definition.tenantId,
    state,
    ...(reason !== undefined && { reason }),
    since,
    instances: [primary, ...isolated.values()].flatMap((pool) => pool.instances),
  }
}
