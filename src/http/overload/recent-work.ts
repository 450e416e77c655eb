import { RetainedCounts } from '../../domain/concurrency/counts.ts'
import type { QueueOwner } from '../../domain/concurrency/fair-queue.ts'
import { PendingList, PendingPlace } from '../../domain/concurrency/waits.ts'

/** A call takes one or two milliseconds of CPU time; older work is waiting for something else. */
const RECENT_MS = 50

/** Work that began recently. */
interface Begun {
  /** CPU time of this thread at that moment, in milliseconds. */
  readonly at: number
  readonly tenant: string | undefined
}

/** The handle to remove recent work. */
export type RecentPlace = PendingPlace<Begun>

/**
 * The work in progress that began recently, and so may keep the event loop busy; it does not include calls that wait for slow
 * servers. Time is CPU time of this thread, so that other processes do not matter.
 */
export class RecentWork {
  readonly #readWork: () => number
  readonly #begun = new PendingList<Begun>()
  readonly #ofTenants = new RetainedCounts()
  #work: number

  /** @param options.readWork CPU time of this thread in milliseconds; called only when needed */
  constructor(options: { readWork: () => number }) {
    this.#readWork = options.readWork
    this.#work = options.readWork()
  }

  get size(): number {
    return this.#begun.size
  }

  /** The recent work of a tenant; work that was added without a tenant is not counted. */
  of(tenant: string): number {
    return this.#ofTenants.of(tenant)
  }

  /** @returns the handle to remove it */
  add(tenant: string | undefined): RecentPlace {
    const place = new PendingPlace<Begun>({ at: this.#work, tenant })
    this.#begun.add(place)
    if (tenant !== undefined) this.#ofTenants.add(tenant, 1)
    return place
  }

  /** Removes work; does nothing if it is no longer recent. */
  delete(place: RecentPlace): void {
    const { tenant } = place.item
    if (this.#begun.remove(place) && tenant !== undefined) this.#ofTenants.add(tenant, -1)
  }

  /** Whether there is less recent work than `limit`. */
  isBelow(limit: number): boolean {
    if (this.#begun.size < limit) return true
    this.forget()
    return this.#begun.size < limit
  }

  /** Removes work that is no longer recent. */
  forget(): void {
    this.#work = this.#readWork()
    for (let { first } = this.#begun; first !== undefined; { first } = this.#begun) {
      if (this.#work - first.item.at < RECENT_MS) return
      this.delete(first)
    }
  }
}

/** The owner of work whose caller is not known. */
export const UNKNOWN_CALLER: QueueOwner = { tenant: '', principal: '' }
/** How long recent work stays limited after requests of several principals. */
const SHARED_MS = 5000
/** More principals do not change the result: their shares would be too small to matter. */
const MAX_COUNTED = 64

/** The principals of one time window, by tenant. */
type Seen = Map<string, Set<string>>

/** Tracks whether several principals compete for the gateway's time, or one can use all of it. */
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
   * The number of shares that the largest share is one of: tenants have equal shares, and so have the principals of each
   * tenant. Unknown callers have none.
   */
  get fewestShares(): number {
    const sizes = new Map<string, number>()
    for (const seen of [this.#seen, this.#seenBefore])
      for (const [tenant, { size }] of seen) sizes.set(tenant, Math.max(size, sizes.get(tenant) ?? 1))
    return Math.max(1, sizes.size * Math.min(...sizes.values(), MAX_COUNTED))
  }

  /** A principal sends work. */
  sees({ tenant, principal }: QueueOwner): void {
    if (this.#lastSeen === principal || tenant === UNKNOWN_CALLER.tenant) return
    this.#lastSeen = principal
    const now = this.#now()
    if (now >= this.#windowEnd) this.#beginWindow(now)
    let principals = this.#seen.get(tenant)
    if (principals === undefined && this.#seen.size < MAX_COUNTED)
      this.#seen.set(tenant, (principals = new Set()))
    if (principals !== undefined && principals.size < MAX_COUNTED) principals.add(principal)
  }

  /** A principal sends more work than can be done at once. */
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
