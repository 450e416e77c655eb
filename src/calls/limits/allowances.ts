import type { Clock } from '../../domain/clock.ts'

/** The terms of a token bucket: it holds `calls` calls, and refills evenly over `perMs` milliseconds. */
export interface Allowance {
  readonly calls: number
  readonly perMs: number
  /** Name of the bucket that the caller uses. */
  readonly key: string
  /** Name of the shared bucket that the caller uses while there are too many buckets. */
  readonly commonKey: string
  /** Whether other replicas take from the bucket, too. It can then owe calls, as many as it can hold. */
  readonly isShared?: boolean
}

const MAX_KEYS = 100_000
const SWEEP_MS = 1000
const TOLERANCE_MS = 0.001

/**
 * Token buckets, each stored as the time at which it is full again. A full bucket need not be stored; one that is not
 * full is never dropped. While there are too many of those, new keys share a bucket, so that no caller gets a full
 * bucket by exhausting the buckets.
 */
export class Allowances {
  readonly #clock: Clock
  readonly #maxKeys: number
  /** Monotonic milliseconds. */
  readonly #fullAt = new Map<string, number>()
  readonly #commonFullAt = new Map<string, number>()
  #sweptAt = -SWEEP_MS
  /** Is told of each call that was taken from a shared allowance. */
  onShared: (allowance: Allowance) => void = () => undefined

  constructor(options: { clock: Clock; maxKeys?: number }) {
    this.#clock = options.clock
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
  }

  /** Number of buckets that are stored. */
  get size(): number {
    return this.#fullAt.size
  }

  /**
   * Takes one call from each allowance, or from none if one of them is used up.
   * @returns the allowance that is used up, and the milliseconds until it has a call again
   */
  take<T extends Allowance>(wanted: readonly T[]): { allowance: T; retryAfterMs: number } | undefined {
    const now = this.#clock.monotonic()
    const taken = wanted.map((allowance) => ({ allowance, ...this.#bucketOf(allowance, now) }))
    for (const { allowance, fullAt } of taken) {
      const lateMs = lateBy(allowance, fullAt, now)
      if (lateMs !== undefined) return { allowance, retryAfterMs: lateMs }
    }
    for (const { allowance, bucket, key, fullAt } of taken) {
      bucket.set(key, fullAt + allowance.perMs / allowance.calls)
      if (allowance.isShared === true) this.onShared(allowance)
    }
    return undefined
  }

  /** How many calls a bucket has, as far as it is known here; 0 while it owes some. */
  left(allowance: Allowance): number {
    const { calls, perMs } = allowance
    const now = this.#clock.monotonic()
    return Math.max(0, ((now + perMs - this.#bucketOf(allowance, now).fullAt) / perMs) * calls)
  }

  /** Sets in how many milliseconds a bucket is full again, as its replicas have counted together. */
  adopt({ key }: Allowance, fullInMs: number): void {
    if (this.#fullAt.has(key)) this.#fullAt.set(key, this.#clock.monotonic() + fullInMs)
  }

  /** The allowances that are used up, with the milliseconds until each has a call again; takes nothing. */
  usedUp<T extends Allowance>(wanted: readonly T[]): { allowance: T; retryAfterMs: number }[] {
    const now = this.#clock.monotonic()
    return wanted.flatMap((allowance) => {
      const retryAfterMs = lateBy(allowance, this.#bucketOf(allowance, now).fullAt, now)
      return retryAfterMs === undefined ? [] : [{ allowance, retryAfterMs }]
    })
  }

  #bucketOf(
    { key, commonKey, perMs, isShared }: Allowance,
    now: number,
  ): { bucket: Map<string, number>; key: string; fullAt: number } {
    const isCommon = !this.#fullAt.has(key) && !this.#hasRoom(now)
    const bucket = isCommon ? this.#commonFullAt : this.#fullAt
    const used = isCommon ? commonKey : key
    // After an allowance was made larger or faster, a bucket must not owe more than it can hold.
    const latest = now + (isShared === true ? 2 : 1) * perMs
    const fullAt = Math.max(now, Math.min(bucket.get(used) ?? now, latest))
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

/** Milliseconds until a bucket that is full at `fullAt` has one more call; undefined if it has one. */
function lateBy({ calls, perMs }: Allowance, fullAt: number, now: number): number | undefined {
  const interval = perMs / calls
  const lateMs = fullAt + interval - now - perMs
  // Sums of fractions are inexact, but never by a whole call.
  return lateMs > Math.min(interval / 2, TOLERANCE_MS) ? Math.ceil(lateMs) : undefined
}
