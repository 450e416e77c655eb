import type { Clock } from '../domain/clock.ts'

/** What a promise comes to, unless `ms` milliseconds pass first. @throws Error naming `what` when they do */
export async function withDeadline<T>(
  clock: Clock,
  promise: Promise<T>,
  ms: number,
  what: string,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => reject(new Error(`${what} took more than ${ms} ms`)))
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel()
  }
}
