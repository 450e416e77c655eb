import type { Clock } from '../../domain/clock.ts'

/** So many calls at once, which come back evenly over `perMs`. */
export interface Allowance {
  readonly calls: number
  readonly perMs: number
  /** Who shares it. */
  readonly key: string
  /** Who shares it while there are too many keys. */
  readonly commonKey: string
}

const MAX_KEYS = 100_000
const SWEEP_MS = 1000
const TOLERANCE_MS = 0.001

/**
 * Token buckets, each kept as the one number that matters: when it is full again. A bucket that is full is like none,
 * so it can be forgotten; one that is not is kept, whatever happens. While there are too many of those, newcomers
 * share a bucket, so that nobody gets an allowance anew by making others need one.
 */
export class Allowances {
  readonly #clock: Clock
  readonly #maxKeys: number
  /** On the monotonic clock, in milliseconds. */
  readonly #fullAt = new Map<string, number>()
  readonly #commonFullAt = new Map<string, number>()
  #sweptAt = -SWEEP_MS

  constructor(options: { clock: Clock; maxKeys?: number }) {
    this.#clock = options.clock
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
  }

  /** Keys that are known at present. */
  get size(): number {
    return this.#fullAt.size
  }

  /**
   * Takes one call from each allowance; from none if one of them is used up.
   * @returns the one that is used up, and in how many milliseconds it has a call again
   */
  take<T extends Allowance>(wanted: readonly T[]): { allowance: T; retryAfterMs: number } | undefined {
    const now = this.#clock.monotonic()
    const taken = wanted.map((allowance) => ({ allowance, ...this.#bucketOf(allowance, now) }))
    for (const { allowance, fullAt } of taken) {
      const interval = allowance.perMs / allowance.calls
      const lateMs = fullAt + interval - now - allowance.perMs
      // Sums of fractions are not exact; none of them is off by a whole call.
      if (lateMs > Math.min(interval / 2, TOLERANCE_MS)) return { allowance, retryAfterMs: Math.ceil(lateMs) }
    }
    for (const { allowance, bucket, key, fullAt } of taken)
      bucket.set(key, fullAt + allowance.perMs / allowance.calls)
    return undefined
  }

  #bucketOf(
    { key, commonKey, perMs }: Allowance,
    now: number,
  ): { bucket: Map<string, number>; key: string; fullAt: number } {
    const isCommon = !this.#fullAt.has(key) && !this.#hasRoom(now)
    const bucket = isCommon ? this.#commonFullAt : this.#fullAt
    const used = isCommon ? commonKey : key
    // An allowance that was made larger or faster owes no more than it could.
    const fullAt = Math.max(now, Math.min(bucket.get(used) ?? now, now + perMs))
    return { bucket, key: used, fullAt }
  }

  #hasRoom(now: number): boolean {
    if (this.#fullAt.size < this.#maxKeys) return true
    if (now - this.#sweptAt < SWEEP_MS) return false
    this.#sweptAt = now
    for (const buckets of [this.#fullAt, this.#commonFullAt]) {
      for (const [key, fullAt] of buckets) if (fullAt <= now) buckets.delete(key)
    }
    return this.#fullAt.size < this.#maxKeys
  }
}
