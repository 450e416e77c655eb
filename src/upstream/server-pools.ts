import { GatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/server-definition.ts'
import type { ClientSide } from './connection/client-side.ts'
import type { Offer } from './discovery.ts'
import type { InstanceContext, InstanceStatus, Introduction } from './instance-context.ts'
import type { InstanceState } from './instance-state.ts'
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
  /** Of all pools of the server. */
  readonly instances: readonly InstanceStatus[]
}

export interface ServerPoolsOptions {
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  /** At most so many pools are made for one client each. */
  readonly maxClientPools: number
  /** Names tell instances apart for as long as the process lives, and say nothing about their callers. */
  readonly nextId: (name: string) => string
  readonly onState: () => void
  readonly onOffer: (offer: Offer) => void
  /** A pool is not used any more and has to be stopped. */
  readonly onDismissed: (pool: Pool, reason: string) => void
  /** The same server under its definition before: what is watched goes on over the new pools. */
  readonly previous: ServerPools | undefined
}

/** One server: the pool that its callers share, and those of callers that share no connection with others. */
export class ServerPools {
  readonly key: ServerKey
  readonly #options: ServerPoolsOptions
  /** The pool of isolation key `''`. */
  readonly #primary: Pool
  readonly #isolated = new Map<string, Pool>()
  readonly #knownBefore: Introduction | undefined
  #definition: ServerDefinition
  #state: InstanceState = 'stopped'
  #reason: string | undefined
  #since: number

  constructor(options: ServerPoolsOptions) {
    const { definition, context, previous } = options
    this.key = serverKey(definition)
    this.#options = options
    this.#definition = definition
    this.#knownBefore = previous?.introduction
    this.#reason = definition.enabled ? 'it starts when it is first used' : 'it is disabled'
    this.#since = context.clock.now()
    this.#primary = new Pool({
      id: options.nextId(definition.name),
      definition,
      context,
      watches: previous?.primary.watches,
      events: {
        onState: (state, reason) => this.#onState(state, reason),
        onOffer: options.onOffer,
      },
    })
    if (previous !== undefined && definition.enabled) this.#takeOver(previous)
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
    return {
      key: this.key,
      name,
      tenantId,
      state: this.#state,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      since: this.#since,
      instances: this.pools.flatMap((pool) => pool.instances),
    }
  }

  start(): void {
    this.#primary.start()
  }

  /** Takes over fields that do not concern the connections. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    for (const pool of this.pools) pool.update(definition)
  }

  /**
   * The pool of an isolation key, made if there is none; `''` is the primary one, which is nobody's own.
   * @param client whom a pool is made for, if it is
   * @throws GatewayError `upstream_unavailable` when too many clients have pools of their own
   */
  pool(isolationKey: string, client: ClientSide | undefined): Pool {
    if (isolationKey === '') return this.#primary
    return this.#isolated.get(isolationKey) ?? this.#isolate(isolationKey, client)
  }

  /** Closes the pool of an isolation key that nobody will use again. */
  release(isolationKey: string): void {
    this.#dismiss(isolationKey, 'its callers have gone')
  }

  tell(isolationKey: string, method: string, params: JsonObject | undefined): void {
    this.#isolated.get(isolationKey)?.tell(method, params)
  }

  #isolate(isolationKey: string, client: ClientSide | undefined, watches?: ResourceWatches): Pool {
    const { context, nextId } = this.#options
    const definition = this.#definition
    if (client !== undefined) this.#makeRoom()
    const pool = new Pool({
      id: nextId(definition.name),
      definition,
      context,
      client,
      watches,
      events: { onIdle: () => this.#dismiss(isolationKey, 'it was idle') },
    })
    this.#isolated.set(isolationKey, pool)
    return pool
  }

  /** A client whose pool was unused for the longest time gives way. */
  #makeRoom(): void {
    const own = [...this.#isolated].filter(([, { client }]) => client !== undefined)
    if (own.length < this.#options.maxClientPools) return
    const unused = own.filter(([, { isInUse }]) => !isInUse)
    const longest = unused.reduce<[string, Pool] | undefined>(
      (first, each) => (first === undefined || each[1].lastUse < first[1].lastUse ? each : first),
      undefined,
    )
    if (longest === undefined) throw this.#isFull()
    this.#dismiss(longest[0], 'another client needs its place')
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
    this.#options.onDismissed(pool, reason)
  }

  /** Pools with watchers go on, unless their clients may not be asked for the same things any more. */
  #takeOver(previous: ServerPools): void {
    const isSameGrant =
      previous.#definition.clientCapabilities.toSorted().join() ===
      this.#definition.clientCapabilities.toSorted().join()
    for (const [isolationKey, { client, watches }] of previous.#isolated) {
      if (watches.isWatching && (client === undefined || isSameGrant))
        this.#isolate(isolationKey, client, watches).start()
    }
  }

  #onState(state: InstanceState, reason: string | undefined): void {
    this.#state = state
    this.#reason = reason
    this.#since = this.#options.context.clock.now()
    this.#options.onState()
  }
}
