import type { GatewayError } from '../../../domain/errors/errors.ts'
import { IdleWatch } from '../../../domain/idle-watch.ts'
import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { serverUnavailable } from '../../connection/upstream-error.ts'
import type { Offer } from '../../discovery/discovery.ts'
import type { InstanceStatus } from '../../instance/instance-context.ts'
import type { InstanceState } from '../../instance/instance-state.ts'
import { eligibleOf, markExcluded } from './eligible.ts'
import { Leader } from './leader.ts'
import { Load } from './load.ts'
import type { Member } from './member.ts'
import { MemberSet, type MemberSetOptions } from './member-set.ts'
import type { ResourceWatches } from './resource-watches.ts'
import { Scaling, type ScalingOptions } from './scaling.ts'

/** What a pool reports to its server. */
export interface PoolEvents {
  /** The state of the pool: `ready` if one of its instances is. */
  readonly onState?: (state: InstanceState, reason: string | undefined) => void
  /** Absent if the pool's offer is not needed. */
  readonly onOffer?: (offer: Offer) => void
  /** The pool has not been used for the server's `pool.idleMs`. Absent if the pool never ends when it is idle. */
  readonly onIdle?: () => void
}

/** What the members of a pool are made from. */
export type MembersOptions = Omit<MemberSetOptions, 'events'> &
  Pick<ScalingOptions, 'definition' | 'isSolo'> & {
    readonly logger: Logger
    readonly watches: ResourceWatches
    readonly events: PoolEvents
  }

/** The instances of a pool: which of them get calls, which one leads, and how many the load requires. */
export class Members {
  readonly leader: Leader
  /** Recorded by those who admit calls. */
  readonly load: Load
  readonly #options: MembersOptions
  readonly #set: MemberSet
  /** How many members there may be, and how many calls each may have. */
  readonly scaling: Pick<Scaling, 'size'>
  readonly #scaling: Scaling
  readonly #idleWatch: IdleWatch | undefined
  #definition: ServerDefinition
  #eligible: readonly Member[] = []
  #state: InstanceState = 'stopped'
  #isStopped = false
  #cancelScaleIn: (() => void) | undefined
  #onChange: (() => void) | undefined

  constructor(options: MembersOptions) {
    const { definition, context, client, nextId, isSolo, logger, watches, events } = options
    const { clock, random } = context
    this.#options = options
    this.#definition = definition
    this.load = new Load(clock.monotonic())
    this.leader = new Leader({ context, definition, logger, watches, onOffer: events.onOffer })
    const set = new MemberSet({
      context,
      client,
      nextId,
      events: {
        onChange: (reason) => this.#changed(reason),
        needsOffer: () => this.leader.needsOffer,
        onOffer: (member, offer) => this.leader.offered(member, offer),
        onListChanged: (member) => this.leader.listChanged(member),
        onResourceUpdated: (params) => watches.updated(params),
      },
    })
    this.#set = set
    this.#scaling = new Scaling({ definition, set, isSolo, isKept: events.onIdle !== undefined, random })
    this.scaling = this.#scaling
    this.#idleWatch = events.onIdle && this.#watchIdle(events.onIdle)
  }

  /** All members, in the order in which they were added. */
  get present(): readonly Member[] {
    return this.#set.present
  }

  /** The members that get calls, in the same order. */
  get eligible(): readonly Member[] {
    return this.#eligible
  }

  get statuses(): InstanceStatus[] {
    return this.#set.statuses
  }

  /** Whether they were stopped permanently. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Whether calls are in flight or waiting, or resources watched. */
  get isInUse(): boolean {
    return this.load.total > 0 || this.#options.watches.isWatching
  }

  /** Whether a member is eligible, or expected to be so soon without a failure before it. */
  get isAvailable(): boolean {
    return this.#eligible.length > 0 || this.#set.isExpected
  }

  /** Calls `task` whenever the eligible members, the leader or `isAvailable` may have changed. */
  onChange(task: () => void): void {
    this.#onChange = task
  }

  start(): void {
    if (!this.#isStopped) this.#scaling.start()
  }

  /**
   * Starts the members if they are stopped, and tries the next endpoint for callers that need the same instance.
   * Returns whether a member is eligible or expected to be so.
   */
  ensureStarted(): boolean {
    if (this.#isStopped) return false
    if (this.#set.state === 'stopped') this.start()
    return this.isAvailable || this.#scaling.tryNextEndpoint()
  }

  /** Starts more processes for calls that wait, if those that are starting do not suffice. */
  grow(): void {
    this.#scaling.grow(this.load.waiting)
  }

  /** Applies a definition: members that it still names are kept, others are added and removed. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#scaling.update(definition)
    this.leader.update(definition)
    this.#changed(undefined)
  }

  /** Stops all permanently; calls in flight finish within the drain timeout, unless `atOnce` is set. */
  async stop(reason: string, options: { atOnce?: boolean }): Promise<void> {
    this.#isStopped = true
    this.#idleWatch?.stop()
    this.#cancelScaleIn?.()
    this.leader.close()
    await this.#set.stop(reason, options)
    await this.leader.settled()
  }

  /** The error for a call while no member is available. */
  unavailable(): GatewayError {
    return serverUnavailable(this.#definition.name, this.#set.retryAfterMs)
  }

  #watchIdle(onIdle: () => void): IdleWatch {
    return new IdleWatch({
      clock: this.#options.context.clock,
      idleMs: () => this.#definition.pool.idleMs,
      isInUse: () => this.isInUse,
      lastUse: () => this.load.lastUse,
      onIdle,
    })
  }

  #changed(reason: string | undefined): void {
    const { logger, events } = this.#options
    const { present } = this.#set
    this.#eligible = eligibleOf(present)
    markExcluded(present, this.#eligible, { logger, reason })
    this.leader.elect(this.#eligible)
    this.#onChange?.()
    this.#scale()
    const { state } = this.#set
    if (state === this.#state) return
    this.#state = state
    events.onState?.(state, reason)
  }

  #scale(): void {
    const [first] = this.#eligible
    if (this.#isStopped) return
    if (first !== undefined) this.#scaling.keepOne(first)
    if (this.#scaling.hasExcess) this.#scaleInLater()
  }

  /** Stops the processes that the peak load of one idle period did not need. */
  #scaleInLater(): void {
    if (this.#cancelScaleIn !== undefined) return
    this.load.resetPeak()
    this.#cancelScaleIn = this.#options.context.clock.after(this.#definition.pool.idleMs, () => {
      this.#cancelScaleIn = undefined
      const calls = Math.max(this.load.peak, this.isInUse ? 1 : 0)
      this.#scaling.shrink(calls, this.leader.current?.member)
      if (this.#scaling.hasExcess) this.#scaleInLater()
    })
  }
}
