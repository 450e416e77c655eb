import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { BreakerState } from '../health/circuit-breaker.ts'
import { ConcurrencyLimit } from './admission/concurrency-limit.ts'
import type { InstanceStatus, Introduction } from '../instance/instance-context.ts'
import type { InstanceState } from '../instance/instance-state.ts'
import { IsolatedPools, type IsolatedPoolsOptions } from './isolated-pools.ts'
import { hasAccounts } from '../isolation-key.ts'
import { Pool } from './pool.ts'

const EACH_ACCOUNT = 'each caller uses a separate account'

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

/** What the pools of one server are made from. */
export interface ServerPoolsOptions extends Omit<IsolatedPoolsOptions, 'limit'> {
  readonly onState: () => void
  /** The pools of the server's previous definition, whose resource subscriptions continue over the new ones. */
  readonly previous: ServerPools | undefined
  /** Why the server must not run at present, if so. */
  readonly halted?: string | undefined
}

/** The pools of one server: the primary one, and the isolated ones of callers that do not share its connections. */
export class ServerPools {
  readonly key: ServerKey
  /** The pool of isolation key `''`, whose instances discovery uses. */
  readonly primary: Pool
  /** The pools of all other isolation keys. */
  readonly isolated: IsolatedPools
  /** Without `previous`, which would keep a chain of all earlier pools in memory. */
  readonly #options: Omit<ServerPoolsOptions, 'previous'>
  /** Limits the concurrent calls of all pools together. */
  readonly #limit: ConcurrencyLimit
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
    this.#limit = new ConcurrencyLimit({ max: maxOf(definition) })
    this.#knownBefore = previous?.introduction
    this.#reason = definition.enabled ? (kept.halted ?? 'it starts when it is first used') : 'it is disabled'
    this.#since = context.clock.now()
    this.isolated = new IsolatedPools({ ...kept, limit: this.#limit })
    this.primary = new Pool({
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
    if (previous !== undefined && definition.enabled && kept.halted === undefined)
      this.isolated.takeOver(previous.isolated)
  }

  get definition(): ServerDefinition {
    return this.#definition
  }

  get state(): InstanceState {
    return this.#state
  }

  get pools(): Pool[] {
    return [this.primary, ...this.isolated.all]
  }

  /** Ends the calls in flight of pools that are stopping, once they have had that time. */
  endWithin(timeoutMs: number, reason: string): void {
    const { pools } = this
    this.#options.context.clock.after(timeoutMs, () => {
      for (const pool of pools) void pool.stop(reason, { atOnce: true })
    })
  }

  /** What the server declared most recently. */
  get introduction(): Introduction | undefined {
    return this.primary.introduction ?? this.isolated.introduction ?? this.#knownBefore
  }

  get status(): ServerStatus {
    const { name, tenantId } = this.#definition
    const breaker = this.primary.breaker.state
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

  /** Starts the primary pool; where each account has its own connections, these start with their first call. */
  start(): void {
    if (hasAccounts(this.#definition)) this.#onState('ready', EACH_ACCOUNT)
    else this.primary.start()
  }

  /** Applies a definition without closing connections that it does not affect. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#limit.max = maxOf(definition)
    this.primary.update(definition)
    this.isolated.update(definition)
  }

  /** The pool of an isolation key; undefined if it has none yet. */
  find(isolationKey: string): Pool | undefined {
    return isolationKey === '' ? this.primary : this.isolated.find(isolationKey)
  }

  /** State of the circuit breaker of an isolation key's pool, or of the primary one if that does not exist. */
  breakerOf(isolationKey: string): BreakerState | undefined {
    return (this.find(isolationKey) ?? this.primary).breaker.state
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

function maxOf({ maxConcurrency }: ServerDefinition): number {
  return maxConcurrency ?? Number.POSITIVE_INFINITY
}
