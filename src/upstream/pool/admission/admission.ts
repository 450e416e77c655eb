import type { Clock } from '../../../domain/clock.ts'
import { GatewayError } from '../../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Balancer } from '../balancer/balancer.ts'
import { algorithmOf, createBalancer } from '../balancer/choose-balancer.ts'
import { ConsistentHash } from '../balancer/consistent-hash.ts'
import { CallQueue, type Grant, type Wanted } from './call-queue.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import type { Member } from '../members/member.ts'
import type { PoolSize } from '../../instance/pool-size.ts'

const SHORTEST_RETRY_MS = 250
const LONGEST_RETRY_MS = 30_000
/** Assumed duration of a call before any was measured. */
const UNKNOWN_CALL_MS = 1000

/** Admission of calls: the places for calls at the instances of a pool, and the queue of calls that wait for one. */
export class Places {
  readonly #random: () => number
  readonly #limit: ConcurrencyLimit
  readonly #lead: () => Grant | undefined
  readonly #unavailable: () => GatewayError
  readonly #onBusy: () => void
  readonly #queue: CallQueue
  /** What waits for the leader, which may be at its limit of calls. */
  readonly #leadQueue: CallQueue
  /** Always the same function, so that the limit registers it only once. */
  readonly #whenRoom = (): void => this.#serve()
  #definition: ServerDefinition
  #size: PoolSize
  #balancer: Balancer
  #sticky: Balancer | undefined
  #rotation: readonly Member[] = []
  #inFlight = 0

  constructor(options: {
    definition: ServerDefinition
    size: PoolSize
    clock: Clock
    random: () => number
    /** The limit that all pools of the server share. */
    limit: ConcurrencyLimit
    lead: () => Grant | undefined
    /** The error for a call when no instance started in time. */
    unavailable: () => GatewayError
    /** A call was refused because the pool is busy. */
    onBusy: () => void
  }) {
    const { definition, size, clock, random } = options
    this.#random = random
    this.#limit = options.limit
    this.#lead = options.lead
    this.#unavailable = options.unavailable
    this.#onBusy = options.onBusy
    this.#queue = new CallQueue({ clock })
    this.#leadQueue = new CallQueue({ clock })
    this.#definition = definition
    this.#size = size
    this.#balancer = createBalancer(algorithmOf(definition), { random })
    this.#sticky = stickyOf(definition, random)
  }

  /** Number of calls that have a place. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Number of calls that wait for a place. */
  get waiting(): number {
    return this.#queue.length + this.#leadQueue.length
  }

  /** Whether calls wait only because the instances have no more places. */
  get isShort(): boolean {
    return (
      this.#queue.length > 0 && this.#limit.hasRoom && !this.#rotation.some((member) => this.#isFree(member))
    )
  }

  update(definition: ServerDefinition, size: PoolSize): void {
    if (algorithmOf(definition) !== algorithmOf(this.#definition))
      this.#balancer = createBalancer(algorithmOf(definition), { random: this.#random })
    if (definition.stickySessions !== this.#definition.stickySessions)
      this.#sticky = stickyOf(definition, this.#random)
    this.#definition = definition
    this.#size = size
  }

  /** Sets the instances that get calls; waiting calls get their places at once. */
  rotate(rotation: readonly Member[]): void {
    this.#rotation = rotation
    this.#serve()
  }

  /** Takes a free place if no call waits before this one; return it with `leave`. */
  claim(wanted: Wanted): Grant | undefined {
    return this.#queue.length > 0 && wanted.isForLead !== true ? undefined : this.#take(wanted)
  }

  /**
   * Waits for a place.
   * @throws GatewayError `upstream_busy` at once if the queue is full, and after the server's `pool.queueTimeoutMs`;
   * `upstream_unavailable` if no instance is ready in time; `cancelled`
   */
  async wait(wanted: Wanted): Promise<Grant> {
    const { queueLimit, queueTimeoutMs } = this.#size
    if (this.waiting >= queueLimit) throw this.#busy()
    const queue = wanted.isForLead === true ? this.#leadQueue : this.#queue
    const granted = queue.wait(wanted, queueTimeoutMs, {
      cancelled: () => new GatewayError('cancelled', undefined, { facts: this.#facts() }),
      late: () => (this.#rotation.length > 0 ? this.#busy() : this.#unavailable()),
      overdue: () => (this.#rotation.length > 0 ? this.#busy() : undefined),
    })
    this.#serve()
    return granted
  }

  leave({ member }: Grant, { isForLead, share }: Wanted): void {
    member.instance.leave()
    if (isForLead !== true) {
      this.#inFlight -= 1
      this.#limit.leave()
      share?.leave()
    }
    if (this.#queue.length > 0) this.#serve()
  }

  /** Fails all waiting calls: no instance is ready, and none is starting. */
  giveUp(): void {
    this.#queue.failAll(this.#unavailable)
    this.#leadQueue.failAll(this.#unavailable)
  }

  #serve(): void {
    for (const { wanted, grant } of this.#leadQueue.waiters) {
      const lead = this.#takeLead(wanted)
      if (lead !== undefined) grant(lead)
    }
    for (const { wanted, grant } of this.#queue.waiters) {
      const place = this.#take(wanted)
      if (place !== undefined) grant(place)
      else if (!this.#mayWaitFor(wanted)) return
    }
  }

  /** Whether only this call must wait, so that those behind it may get a place. */
  #mayWaitFor({ share, except }: Wanted): boolean {
    if (!this.#limit.hasRoom) {
      this.#limit.whenRoom(this.#whenRoom)
      return false
    }
    if (share?.hasRoom === false) {
      share.whenRoom(this.#whenRoom)
      return true
    }
    return except !== undefined
  }

  #take(wanted: Wanted): Grant | undefined {
    if (wanted.isForLead === true) return this.#takeLead(wanted)
    const { share } = wanted
    if (!this.#limit.hasRoom || share?.hasRoom === false) return undefined
    const member = this.#pick(wanted)
    const connection = member?.connection
    if (member === undefined || connection === undefined) return undefined
    member.instance.enter()
    this.#inFlight += 1
    this.#limit.enter()
    share?.enter()
    return { member, connection }
  }

  #takeLead({ except }: Wanted): Grant | undefined {
    const lead = this.#lead()
    if (lead === undefined || lead.connection === except) return undefined
    lead.member.instance.enter()
    return lead
  }

  #pick({ except, stickyKey }: Wanted): Member | undefined {
    const free = this.#rotation.filter((member) => this.#isFree(member) && member.connection !== except)
    if (free.length <= 1) return free[0]
    const balancer = stickyKey === undefined ? this.#balancer : (this.#sticky ?? this.#balancer)
    return balancer.pick(free, stickyKey)
  }

  #isFree({ inFlight, ejection }: Member): boolean {
    const isOnTrial = ejection.isOnTrial && this.#rotation.length > 1
    return inFlight < (isOnTrial ? 1 : this.#size.callsPerInstance)
  }

  #busy(): GatewayError {
    this.#onBusy()
    const { name } = this.#definition
    return new GatewayError('upstream_busy', `Server ${name} is busy`, {
      facts: { ...this.#facts(), retryAfterMs: this.#retryAfterMs() },
    })
  }

  /** Estimated time until the calls in the queue are done. */
  #retryAfterMs(): number {
    const places = Math.max(1, this.#rotation.length * this.#size.callsPerInstance)
    const callMs = Math.max(0, ...this.#rotation.map(({ averageMs = UNKNOWN_CALL_MS }) => averageMs))
    const throughMs = Math.ceil((callMs * (this.#queue.length + 1)) / places)
    return Math.min(LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, throughMs))
  }

  #facts(): { server: string; mayHaveExecuted: false } {
    return { server: this.#definition.name, mayHaveExecuted: false }
  }
}

function stickyOf({ stickySessions }: ServerDefinition, random: () => number): Balancer | undefined {
  return stickySessions ? new ConsistentHash({ random }) : undefined
}
