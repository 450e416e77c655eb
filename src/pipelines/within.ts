import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'

/**
 * Does work within a time, and aborts the work's own signal when that is over; also when `signal` aborts.
 * @throws GatewayError `upstream_timeout`, whether the work has ended or not
 */
export async function within<T>(
  given: { timeoutMs: number | undefined; clock: Clock; signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs, clock, signal } = given
  if (timeoutMs === undefined) return work(signal)
  const own = new AbortController()
  const over = Promise.withResolvers<never>()
  const cancel = clock.after(timeoutMs, () => {
    over.reject(
      new GatewayError('upstream_timeout', `The call took longer than ${timeoutMs} ms`, {
        facts: { mayHaveExecuted: true },
      }),
    )
    own.abort()
  })
  const done = work(AbortSignal.any([signal, own.signal]))
  // One of them may reject after all waiting has ended.
  for (const each of [done, over.promise]) each.catch(() => undefined)
  try {
    return await Promise.race([done, over.promise])
  } finally {
    cancel()
  }
}
