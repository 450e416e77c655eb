import { backoffMs } from '../domain/backoff.ts'

const LIMITS = { smallestMs: 100, firstMs: 100, largestMs: 5000 }

/** The delay in milliseconds before records are written again: up to twice as long with each failure, at most 5 s. */
export function retryDelayMs(failures: number, random: () => number): number {
  return backoffMs(failures, random, LIMITS)
}
