/** Bounds of delays, in milliseconds. */
export interface BackoffLimits {
  readonly smallestMs: number
  /** The most before the first retry; it doubles with each failure. */
  readonly firstMs: number
  readonly largestMs: number
}

const DEFAULTS: BackoffLimits = { smallestMs: 250, firstMs: 500, largestMs: 30_000 }

/**
 * The delay before the next attempt, in milliseconds: exponential with full jitter; by default 250 ms to 30 s, and at
 * most 500 ms before the first retry.
 * @param failures consecutive failures so far, from 1
 * @param random gives numbers from 0 to below 1
 */
export function backoffMs(
  failures: number,
  random: () => number,
  { smallestMs, firstMs, largestMs }: BackoffLimits = DEFAULTS,
): number {
  const ceiling = Math.min(largestMs, firstMs * 2 ** (Math.max(1, failures) - 1))
  return Math.round(smallestMs + random() * (ceiling - smallestMs))
}
