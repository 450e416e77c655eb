import { RetainedCounts } from '../../domain/concurrency/counts.ts'
import type { QueueOwner } from '../../domain/concurrency/fair-queue.ts'
import { PendingList, PendingPlace } from '../../domain/concurrency/waits.ts'

/** A call takes one or two of this thread's milliseconds; what has been there for longer waits for something else. */
const RECENT_MS = 50

/** Work that began a moment ago. */
interface Begun {
  /** The work of this thread until then, in milliseconds. */
  readonly at: number
  readonly tenant: string | undefined
}

/** By which recent work is removed. */
export type RecentPlace = PendingPlace<Begun>

/**
 * The work in progress that began a moment ago, and so may be what keeps the event loop busy; calls that wait for slow
 * servers are not among it. Time is that of this thread's work, so that it does not matter how busy the machine is.
 */
export class RecentWork {
  readonly #readWork: () => number
  readonly #begun = new PendingList<Begun>()
  readonly #ofTenants = new RetainedCounts()
  #work: number

  /** @param options.readWork milliseconds for which this thread has worked; it is asked only where that decides something */
  constructor(options: { readWork: () => number }) {
    this.#readWork = options.readWork
    this.#work = options.readWork()
  }

  get size(): number {
    return this.#begun.size
  }

  /** How much there is of a tenant, of what was added with one. */
  of(tenant: string): number {
    return this.#ofTenants.of(tenant)
  }

  /** @returns by which it is removed */
  add(tenant: string | undefined): RecentPlace {
    const place = new PendingPlace<Begun>({ at: this.#work, tenant })
    this.#begun.add(place)
    if (tenant !== undefined) this.#ofTenants.add(tenant, 1)
    return place
  }

  /** Also what was forgotten. */
  delete(place: RecentPlace): void {
    const { tenant } = place.item
    if (this.#begun.remove(place) && tenant !== undefined) this.#ofTenants.add(tenant, -1)
  }

  /** Whether there is less than `limit`. */
  isBelow(limit: number): boolean {
    if (this.#begun.size < limit) return true
    this.forget()
    return this.#begun.size < limit
  }

  /** Forgets what began long ago. */
  forget(): void {
    this.#work = this.#readWork()
    for (let { first } = this.#begun; first !== undefined; { first } = this.#begun) {
      if (this.#work - first.item.at < RECENT_MS) return
      this.delete(first)
    }
  }
}

/** Owner of the work of nobody who is known. */
export const STRANGERS: QueueOwner = { tenant: '', principal: '' }
/** So long after requests of several principals, one that is alone has all there is again. */
const SHARED_MS = 5000
/** More principals than this change nothing: a share of one of them would be too small to wait for. */
const MAX_COUNTED = 64

/** The principals that were seen in a window of time, by tenant. */
type Seen = Map<string, Set<string>>

/** Which principals want the time of the gateway: several, whose turns have to be fair, or one, who can have all of it. */
export class Contention {
  readonly #now: () => number
  #lastSeen: string | undefined
  #lastNoted: string | undefined
  #sharedUntil = Number.NEGATIVE_INFINITY
  #windowEnd = Number.NEGATIVE_INFINITY
  #seen: Seen = new Map()
  #seenBefore: Seen = new Map()

  /** @param options.now monotonic milliseconds */
  constructor(options: { now: () => number }) {
    this.#now = options.now
  }

  get isShared(): boolean {
    return this.#now() < this.#sharedUntil
  }

  /**
   * Among how many the time is divided for the principal whose share is the largest: tenants have equal shares, and so have the
   * principals of each. Strangers have none.
   */
  get fewestShares(): number {
    const sizes = new Map<string, number>()
    for (const seen of [this.#seen, this.#seenBefore])
      for (const [tenant, { size }] of seen) sizes.set(tenant, Math.max(size, sizes.get(tenant) ?? 1))
    return Math.max(1, sizes.size * Math.min(...sizes.values(), MAX_COUNTED))
  }

  /** A principal wants some of it. */
  sees({ tenant, principal }: QueueOwner): void {
    if (this.#lastSeen === principal || tenant === STRANGERS.tenant) return
    this.#lastSeen = principal
    const now = this.#now()
    if (now >= this.#windowEnd) this.#beginWindow(now)
    let principals = this.#seen.get(tenant)
    if (principals === undefined && this.#seen.size < MAX_COUNTED)
      this.#seen.set(tenant, (principals = new Set()))
    if (principals !== undefined && principals.size < MAX_COUNTED) principals.add(principal)
  }

  /** A principal wants more of it than there is. */
  note(principal: string): void {
    if (this.#lastNoted !== undefined && this.#lastNoted !== principal)
      this.#sharedUntil = this.#now() + SHARED_MS
    this.#lastNoted = principal
  }

  #beginWindow(now: number): void {
    this.#windowEnd = now + SHARED_MS
    this.#seenBefore = this.#seen
    this.#seen = new Map()
  }
}
