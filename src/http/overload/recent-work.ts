import { addTo } from '../../domain/concurrency/counts.ts'
import type { QueueOwner } from '../../domain/concurrency/fair-queue.ts'

/** A call takes one or two of this thread's milliseconds; what has been there for longer waits for something else. */
const RECENT_MS = 50

/**
 * The work in progress that began a moment ago, and so may be what keeps the event loop busy; calls that wait for slow
 * servers are not among it. Time is that of this thread's work, so that it does not matter how busy the machine is.
 */
export class RecentWork {
  readonly #readWork: () => number
  /**
   * The work of this thread until it began, in milliseconds, by its number, in the order in which it began. Numbers only:
   * what else a map keeps outlives the requests.
   */
  readonly #begun = new Map<number, number>()
  /** Its tenant, where it was added with one. */
  readonly #tenants = new Map<number, string>()
  readonly #ofTenants = new Map<string, number>()
  #last = 0
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
    return this.#ofTenants.get(tenant) ?? 0
  }

  /** @returns the number under which it is removed */
  add(tenant: string | undefined): number {
    this.#last += 1
    this.#begun.set(this.#last, this.#work)
    if (tenant === undefined) return this.#last
    this.#tenants.set(this.#last, tenant)
    addTo(this.#ofTenants, tenant, 1)
    return this.#last
  }

  /** Also of what was forgotten. */
  delete(number: number): void {
    if (!this.#begun.delete(number)) return
    const tenant = this.#tenants.get(number)
    if (tenant === undefined) return
    this.#tenants.delete(number)
    addTo(this.#ofTenants, tenant, -1)
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
    for (const [number, at] of this.#begun) {
      if (this.#work - at < RECENT_MS) return
      this.delete(number)
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
