import type { Clock } from '../../../domain/clock.ts'

/** When a caller stops waiting. */
export interface Patience {
  readonly signal: AbortSignal | undefined
  /** In monotonic milliseconds. */
  readonly deadlineAt: number
}

/**
 * Resolves like `work`, unless its caller cancels (`cancelled`) or the deadline passes (`late`); the outcome of the
 * work is then ignored.
 */
export async function patiently<T>(
  work: Promise<T>,
  { signal, deadlineAt }: Patience,
  options: { clock: Clock; cancelled: () => Error; late: () => Error },
): Promise<T> {
  const { clock, cancelled, late } = options
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(cancelled())
  const cancelDeadline = clock.after(Math.max(0, deadlineAt - clock.monotonic()), () => reject(late()))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort()
  try {
    return await Promise.race([work, givenUp])
  } finally {
    cancelDeadline()
    signal?.removeEventListener('abort', abort)
  }
}
