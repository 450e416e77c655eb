import type { Clock } from '../../../domain/clock.ts'

/** When a caller stops waiting. */
export interface Deadline {
  readonly signal: AbortSignal | undefined
  /** In monotonic milliseconds. */
  readonly deadlineAt: number
}

/**
 * Resolves like `work`, unless its caller cancels (`cancelled`) or the deadline passes (`late`); the outcome of the
 * work is then ignored.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  { signal, deadlineAt }: Deadline,
  options: { clock: Clock; cancelled: () => Error; late: () => Error },
): Promise<T> {
  const { clock, cancelled, late } = options
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(cancelled())
  const cancelTimer = clock.after(Math.max(0, deadlineAt - clock.monotonic()), () => reject(late()))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort()
  try {
    return await Promise.race([work, ended])
  } finally {
    cancelTimer()
    signal?.removeEventListener('abort', abort)
  }
}
