const FIRST_MS = 500
const LARGEST_MS = 30_000
const SMALLEST_MS = 250

/**
 * The delay before the next attempt, in milliseconds: exponential with full jitter, 250 ms to 30 s, and at most 500 ms
 * before the first retry.
 * @param failures consecutive failures so far, from 1
 * @param random gives numbers from 0 to below 1
 */
export function backoffMs(failures: number, random: () => number): number {
  const ceiling = Math.min(LARGEST_MS, FIRST_MS * 2 ** (Math.max(1, failures) - 1))
  return Math.round(SMALLEST_MS + random() * (ceiling - SMALLEST_MS))
}
