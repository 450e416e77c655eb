import { type Clock, repeat } from '../../domain/clock.ts'
import { RetainedCounts } from '../../domain/concurrency/counts.ts'
import { FairQueue, type QueueOwner, type QueuePlace } from '../../domain/concurrency/fair-queue.ts'
import type { GatedWork } from '../../domain/concurrency/gated-work.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'
import type { LoopMeter } from './loop-load.ts'
import { Contention, type RecentPlace, RecentWork, STRANGERS } from './recent-work.ts'

const TICK_MS = 100
/** The limit of work in progress before anything was measured. */
const START = 256
/** Longer than this no work waits: its client does better to try again. */
const MAX_WAIT_MS = 1000
/** The same where it waits only for its turn among others, of which all are served. */
const MAX_TURN_MS = 10_000
const MAX_WAITING = 2000
/** Work that waits longer for its turn shows that there is too much in progress. */
const LONG_DELAY_MS = 100
/** What one agent may send at once: so few are never refused, however slow the machine is. */
const FEW = 64
/** Enough to keep the loop busy; what arrives waits for no more than these, whatever else there is to do. */
const MIN_RECENT = 4
/**
 * Calls of one principal come and are answered in groups when their server is busy, too: then the loop is idle in between,
 * and others wait for a whole group all the same.
 */
const OFTEN_BUSY = 0.4
/**
 * What one or two answers take. A call needs the loop three or four times, and waits each time for what is there already, so
 * that a turn that takes longer has more in it than is good for what arrives meanwhile.
 */
const LONG_TURN_MS = 0.25
/** Where many share the time, each waits for the others in any case, and turns may be as long as costs least. */
const LONGEST_TURN_MS = 4

/** Work that waits, or is in progress. */
interface Admitted {
  readonly work: GatedWork
  /** Its place in the queue, while it waits. */
  place: QueuePlace<Admitted> | undefined
  /** Monotonic milliseconds at which it began to wait. */
  since: number
  /** Its place among what began a moment ago; undefined before it began, and after it ended. */
  recent: RecentPlace | undefined
  /** Counted as in progress for this tenant: it came when there was more to do than could be done at once. */
  tenant: string | undefined
}

/** What a `WorkGate` needs. */
export interface WorkGateOptions {
  /** The most work in progress, whatever the load is. */
  readonly max: number
  /** Closed with the gate. */
  readonly load: LoopMeter
  /** Milliseconds for which this thread has worked. */
  readonly readWork: () => number
  readonly clock: Clock
  readonly onRefused?: () => void
}

/**
 * Bounds the requests and messages in progress, by the load of the process, and while several principals share it also those
 * that began a moment ago, so that their order is fair. What comes beyond waits, tenants in turn, and is refused after a
 * second where there are many.
 */
export class WorkGate {
  readonly #options: WorkGateOptions
  readonly #limit: AdaptiveLimit
  /** Of what began a moment ago: while the loop is busy, little, so that what comes next can be in fair order. */
  readonly #recentLimit: AdaptiveLimit
  readonly #recent: RecentWork
  readonly #waiting = new FairQueue<Admitted>()
  /** Work in progress of tenants that came while others waited. */
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

  /** Idempotent. What waits begins. */
  close(): void {
    this.#stop()
    this.#options.load.stop()
    for (const { item } of this.#waiting) if (item !== undefined) this.#leaveQueue(item)
  }

  get #isOpen(): boolean {
    if (this.#inProgress >= this.#limit.value) return false
    return this.#recent.isBelow(this.#recentLimit.value) || !this.#contention.isShared
  }

  /** Whose turn it is matters only where there is more to do than can be done at once. */
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

  /** @param tenant counted while there is more to do than can be done at once */
  #enter(admitted: Admitted, tenant?: string): void {
    this.#inProgress += 1
    admitted.recent = this.#recent.add(tenant)
    admitted.tenant = tenant
    if (tenant !== undefined) this.#present.add(tenant, 1)
    admitted.work.begin()
  }

  /**
   * Whether a tenant has less than others, so that its work does not wait for theirs: nothing at all in progress or waiting,
   * or, where only the time of the loop is short, less of what began a moment ago than its share.
   */
  #hasShare({ tenant }: QueueOwner): boolean {
    if (tenant === STRANGERS.tenant || this.#waiting.size === 0) return false
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

  /** At the limit, the tenant with the most waiting makes room for those with less. */
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
    // Where few are let in at once, it is not the number in progress that keeps the loop busy.
    this.#limit.learn(this.#contention.isShared ? { ...load, delayMs: 0 } : load, this.#inProgress)
    this.#recent.forget()
    // Turns, and not how late timers are: on a busy machine these wait for others, too, which fewer calls would not change.
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

  /** Whether less of a tenant waits than of others on average. */
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
