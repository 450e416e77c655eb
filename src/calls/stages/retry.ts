import { type Clock, sleep } from '../../domain/clock.ts'
import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { Answer, PlannedTarget, RoutedCall, Run, StageFor } from '../stage.ts'
import { deadlineOf } from '../deadline.ts'
import type { RetryBudget } from '../limits/retry-budget.ts'

interface RetryOptions {
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  readonly budget: RetryBudget
  readonly metrics: Pick<Metrics, 'retry'>
}

/** Errors that may be temporary. `upstream_busy` and `circuit_open` are not among them: retries would add load. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['upstream_unavailable', 'upstream_timeout'])

/**
 * Stage: retries a call that failed with a temporary error. A call that may have run is retried only if repeating it is
 * harmless. Each delay is random up to a bound that doubles (full jitter), within the deadline and the server's retry
 * budget.
 */
export function retry(options: RetryOptions): StageFor {
  const { budget } = options
  return (target) => {
    if (target.server.retry.maxAttempts === 1) return undefined
    const key = serverKey(target.server)
    const isRepeatable = isRepeatableAt(target)
    return async (call, next) => {
      budget.earn(key)
      try {
        return await next(call)
      } catch (error) {
        return repeat(options, { call, next, isRepeatable }, toGatewayError(error))
      }
    }
  }
}

interface Step {
  readonly call: RoutedCall
  readonly next: Run
  /** Whether calls of the target may run twice. */
  readonly isRepeatable: boolean
}

async function repeat(options: RetryOptions, step: Step, first: GatewayError): Promise<Answer> {
  const { call, next } = step
  const { signal } = call.operation
  let error = first
  for (let attempt = 1; ; attempt += 1) {
    const delayMs = delayAfter(options, step, { error, attempt })
    if (delayMs === undefined) throw error
    await sleep(options.clock, delayMs, signal)
    if (signal.aborted) throw cancelled(error)
    try {
      return await next(call)
    } catch (thrown) {
      error = afterAnother(error, toGatewayError(thrown))
    }
  }
}

/** The delay before the next attempt in milliseconds; undefined if there is no further attempt. */
function delayAfter(
  options: RetryOptions,
  step: Step,
  { error, attempt }: { error: GatewayError; attempt: number },
): number | undefined {
  const { call, isRepeatable } = step
  const { server } = call.route
  const { maxAttempts, baseDelayMs, maxDelayMs } = server.retry
  const { retryAfterMs = 0, mayHaveExecuted } = error.facts
  if (attempt >= maxAttempts || !TRANSIENT.has(error.code) || call.operation.signal.aborted) return undefined
  const isHarmless = isRepeatable || call.operation.watch !== undefined
  if (mayHaveExecuted !== false && !isHarmless) return undefined
  if (retryAfterMs > maxDelayMs) return undefined
  const delayMs = retryAfterMs + options.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1))
  if (options.clock.monotonic() + delayMs >= deadlineOf(call)) return undefined
  const isGranted = options.budget.spend(serverKey(server))
  options.metrics.retry(server.name, isGranted ? 'repeated' : 'no_budget')
  return isGranted ? delayMs : undefined
}

/** The operator's setting for the tool decides whether it may run twice, else the server's annotation. */
function isRepeatableAt({ method, policy, tool }: PlannedTarget): boolean {
  if (method.isRead === true) return true
  if (method.runsTool !== true) return false
  if (policy.idempotent !== undefined) return policy.idempotent
  const annotations = tool?.own['annotations']
  return (
    isJsonObject(annotations) &&
    (annotations['idempotentHint'] === true || annotations['readOnlyHint'] === true)
  )
}

/** The call may have run if any of its attempts may have run. */
function afterAnother(before: GatewayError, error: GatewayError): GatewayError {
  if (before.facts.mayHaveExecuted === false || error.facts.mayHaveExecuted !== false) return error
  return new GatewayError(error.code, error.message, {
    cause: error.cause,
    facts: { ...error.facts, mayHaveExecuted: true },
  })
}

function cancelled({ facts: { server, mayHaveExecuted = true } }: GatewayError): GatewayError {
  return new GatewayError('cancelled', undefined, {
    facts: { mayHaveExecuted, ...(server !== undefined && { server }) },
  })
}
