import type { Clock } from '../../domain/clock.ts'

/** When something is given up. */
export interface Patience {
  readonly signal: AbortSignal | undefined
  /** On the monotonic clock, in milliseconds. */
  readonly deadlineAt: number
}

/**
 * What `work` comes to, unless its caller goes away (`cancelled`) or has waited long enough (`late`); what becomes of
 * the work then does not matter any more.
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
