import type { QueueOwner } from '../../domain/concurrency/fair-queue.ts'

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
  #lastKept: string | undefined
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
    if (this.#lastKept !== undefined && this.#lastKept !== principal)
      this.#sharedUntil = this.#now() + SHARED_MS
    this.#lastKept = principal
  }

  #beginWindow(now: number): void {
    this.#windowEnd = now + SHARED_MS
    this.#seenBefore = this.#seen
    this.#seen = new Map()
  }
}
