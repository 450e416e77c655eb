import type { RoutedCall } from './stage.ts'

/**
 * When the call must end, in monotonic milliseconds. It moves by the time that the client takes to answer questions.
 */
export function deadlineOf({ startedAt, timeoutMs, askedMs }: RoutedCall): number {
  return startedAt + timeoutMs + askedMs
}

/** Milliseconds that a call has left if its server reports progress; undefined if progress does not extend it. */
export function extendedMs({ startedAt, askedMs, plan }: RoutedCall, now: number): number | undefined {
  const { maxTotalMs } = plan.target.policy
  return maxTotalMs === undefined ? undefined : Math.max(1, startedAt + maxTotalMs + askedMs - now)
}
