import { type Clock, sleep } from '../domain/clock.ts'
import { ERRORS } from '../domain/errors/error-table.ts'
import { type GatewayError, toGatewayError } from '../domain/errors/errors.ts'

/** How often something is tried, and how long to wait before the second time. */
export interface Repetition {
  readonly maxAttempts: number
  readonly delayMs: number
}

const ONCE: Repetition = { maxAttempts: 1, delayMs: 0 }

/**
 * Tries until it succeeds, as often as may be. What would fail again as it is, is not repeated.
 * @throws GatewayError
 */
export async function attempted<T>(
  work: () => Promise<T>,
  { retry = ONCE, clock, signal }: { retry: Repetition | undefined; clock: Clock; signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (thrown) {
      const error = toGatewayError(thrown)
      if (attempt >= retry.maxAttempts || !isWorthRepeating(error)) throw error
      const delayMs = Math.max(retry.delayMs * 2 ** (attempt - 1), error.facts.retryAfterMs ?? 0)
      await sleep(clock, delayMs, signal)
      if (signal.aborted) throw error
    }
  }
}

/** A tool that says `isError` may say something else the next time. */
function isWorthRepeating({ code }: GatewayError): boolean {
  return code === 'pipeline_step_failed' || ERRORS[code].retryable
}
