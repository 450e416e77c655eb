import { type Clock, repeat } from '../../domain/clock.ts'
import { RetainedCounts } from '../../domain/concurrency/counts.ts'
import { FairQueue, type QueueOwner, type QueuePlace } from '../../domain/concurrency/fair-queue.ts'
import type { GatedWork } from '../../domain/concurrency/gated-work.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'
import type { LoopMeter } from './loop-load.ts'
import { Contention, type RecentPlace, RecentWork, UNKNOWN_CALLER } from './recent-work.ts'

const TICK_MS = 100
/** The initial limit of work in progress. */
const START = 256
/** The longest time in the queue: after it, a retry of the client is better. */
const MAX_WAIT_MS = 1000
/** The same for work that is queued only for fairness, not because of the limit. */
const MAX_TURN_MS = 10_000
const MAX_WAITING = 2000
/** A longer delay of the event loop shows that too much is in progress. */
const LONG_DELAY_MS = 100
/** Requests that one agent may send at once: so few are never refused, even on a slow machine. */
const FEW = 64
/** Enough to keep the event loop busy. A new request waits for no more than these, regardless of the queue. */
const MIN_RECENT = 4
/**
 * Calls of one principal to a busy server arrive and are answered in groups. The event loop is idle between two groups, but
 * other callers wait for a whole group.
 */
const OFTEN_BUSY = 0.4
/**
 * The time of one or two answers. A call needs the event loop three or four times, and waits each time for the work already
 * in its turn, so longer turns delay new requests too much.
 */
const LONG_TURN_MS = 0.25
/** With many principals each waits for the others in any case, and longer turns cost less per call. */
const LONGEST_TURN_MS = 4

/** Work that is queued or in progress. */
interface Admitted {
  readonly work: GatedWork
  /** Its place in the queue; undefined while it is not queued. */
  place: QueuePlace<Admitted> | undefined
  /** When it was queued, in monotonic milliseconds. */
  since: number
  /** Its place in the recent work; undefined before it began, and after it ended. */
  recent: RecentPlace | undefined
  /** The tenant for which it is counted as in progress; set only if it arrived while others were queued. */
  tenant: string | undefined
}

/** What a `WorkGate` needs. */
export interface WorkGateOptions {
  /** The maximum of work in progress, regardless of the load. */
  readonly max: number
  /** Closed with the gate. */
  readonly load: LoopMeter
  /** CPU time of this thread in milliseconds. */
  readonly readWork: () => number
  readonly clock: Clock
  readonly onRefused?: () => void
}

/**
 * Limits the requests and messages in progress by the load of the process and, while several principals send requests, also
 * those that began recently, so that the order is fair. Work above the limit waits in a fair queue by tenant and principal,
 * and is refused after a second if the queue is long.
 */
export class WorkGate {
  readonly #options: WorkGateOptions
  readonly #limit: AdaptiveLimit
  /** The limit of recent work: low while the event loop is busy, so that the fair queue decides the order. */
  readonly #recentLimit: AdaptiveLimit
  readonly #recent: RecentWork
  readonly #waiting = new FairQueue<Admitted>()
  /** Work in progress that arrived while others were queued, by tenant. */
  readonly #present = new RetainedCounts()
  readonly #stop: () => void
  readonly #contention: Contention
  #inProgress = 0

  constructor(options: WorkGateOptions) {
    this.#options = options
    const { max, clock } = options
    this.#limit = new AdaptiveLimit({ min: FEW, max, start: START, targetDelayMs: () => LONG_DELAY_MS })
    this.#recentLimit = new AdaptiveLimit({
      min: MIN_RECENT,
      max,
      targetDelayMs: () => this.#longTurnMs,
      busy: OFTEN_BUSY,
      growsWhileBusy: true,
    })
    this.#recent = new RecentWork(options)
    this.#contention = new Contention({ now: () => clock.monotonic() })
    this.#stop = repeat(clock, TICK_MS, () => this.#tick())
  }

  get inProgress(): number {
    return this.#inProgress
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** See `Admit`. */
  readonly admit = (work: GatedWork): (() => void) => {
    this.#contention.sees(work.owner)
    const admitted: Admitted = { work, place: undefined, since: 0, recent: undefined, tenant: undefined }
    if (this.#waiting.size === 0 && this.#mayPass(work)) this.#enter(admitted)
    else this.#wait(admitted)
    return () => this.#end(admitted)
  }

  /** Starts all queued work. Idempotent. */
  close(): void {
    this.#stop()
    this.#options.load.stop()
    for (const { item } of this.#waiting) if (item !== undefined) this.#leaveQueue(item)
  }

  get #isOpen(): boolean {
    if (this.#inProgress >= this.#limit.value) return false
    return this.#recent.isBelow(this.#recentLimit.value) || !this.#contention.isShared
  }

  /** Fairness matters only while there is more work than can be done at once. */
  #mayPass(work: GatedWork): boolean {
    if (this.#inProgress >= this.#limit.value) return false
    if (this.#recent.isBelow(this.#recentLimit.value)) return true
    this.#contention.note(work.owner.principal)
    return !this.#contention.isShared
  }

  #end(admitted: Admitted): void {
    const { place, recent, tenant } = admitted
    if (place !== undefined) this.#waiting.remove(place)
    admitted.place = undefined
    if (recent === undefined) return
    admitted.recent = undefined
    this.#inProgress -= 1
    this.#recent.delete(recent)
    if (tenant !== undefined) this.#present.add(tenant, -1)
    if (this.#waiting.size > 0) this.#next()
  }

  /** @param tenant counted while work is queued */
  #enter(admitted: Admitted, tenant?: string): void {
    this.#inProgress += 1
    admitted.recent = this.#recent.add(tenant)
    admitted.tenant = tenant
    if (tenant !== undefined) this.#present.add(tenant, 1)
    admitted.work.begin()
  }

  /**
   * Whether a tenant is below its share, so that its work is not queued: nothing in progress or queued or, if only recent work
   * is limited, less recent work than its share.
   */
  #hasShare({ tenant }: QueueOwner): boolean {
    if (tenant === UNKNOWN_CALLER.tenant || this.#waiting.size === 0) return false
    if (this.#waiting.sizeOf(tenant) > 0) return false
    if (this.#inProgress < this.#limit.value)
      return this.#recent.of(tenant) < this.#recentLimit.value / (this.#waiting.tenants + 1)
    return this.#inProgress < 2 * this.#limit.value && this.#present.of(tenant) === 0
  }

  #wait(admitted: Admitted): void {
    const { owner } = admitted.work
    this.#contention.note(owner.principal)
    if (this.#hasShare(owner)) return this.#enter(admitted, owner.tenant)
    const isShort = this.#limit.isShort && this.#inProgress >= this.#limit.value
    if (isShort || !this.#hasRoom(owner)) return this.#refuse(admitted)
    admitted.since = this.#options.clock.monotonic()
    admitted.place = this.#waiting.add(admitted, owner)
  }

  /** If the queue is full, the tenant with the most queued work loses its newest to a tenant with less. */
  #hasRoom({ tenant }: QueueOwner): boolean {
    if (this.#waiting.size < MAX_WAITING) return true
    const newest = this.#waiting.newestOfMoreThan(this.#waiting.sizeOf(tenant) + 1)
    if (newest?.item === undefined) return false
    this.#refuse(newest.item)
    return true
  }

  #next(): void {
    while (this.#isOpen) {
      const { first } = this.#waiting
      if (first?.item === undefined) return
      this.#leaveQueue(first.item)
    }
  }

  #leaveQueue(admitted: Admitted): void {
    const { place } = admitted
    if (place === undefined) return
    const { tenant } = place.owner
    admitted.place = undefined
    this.#waiting.served(place)
    this.#enter(admitted, tenant)
  }

  #tick(): void {
    const load = this.#options.load.read()
    // While recent work is limited, it is not the number in progress that keeps the event loop busy.
    this.#limit.learn(this.#contention.isShared ? { ...load, delayMs: 0 } : load, this.#inProgress)
    this.#recent.forget()
    // The length of turns, not the delay of timers: other processes delay timers, too, and fewer calls would not help.
    this.#recentLimit.learn({ ...load, delayMs: load.turnMs }, this.#recent.size)
    this.#refuseOverdue()
    this.#next()
  }

  get #longTurnMs(): number {
    return Math.min(LONGEST_TURN_MS, (LONG_TURN_MS * Math.max(2, this.#contention.fewestShares)) / 2)
  }

  #refuseOverdue(): void {
    const few = Math.min(FEW, this.#options.max)
    const longest = this.#inProgress < this.#limit.value ? MAX_TURN_MS : MAX_WAIT_MS
    const overdue = this.#options.clock.monotonic() - longest
    for (const { item, owner } of this.#waiting) {
      if (this.#inProgress + this.#waiting.size <= few) break
      if (item !== undefined && item.since <= overdue && !this.#hasLess(owner.tenant)) this.#refuse(item)
    }
  }

  /** Whether a tenant has less queued work than the average tenant. */
  #hasLess(tenant: string): boolean {
    return this.#waiting.sizeOf(tenant) * this.#waiting.tenants < this.#waiting.size
  }

  #refuse(admitted: Admitted): void {
    if (admitted.place !== undefined) this.#waiting.remove(admitted.place)
    admitted.place = undefined
    this.#options.onRefused?.()
    admitted.work.refuse()
  }
}
