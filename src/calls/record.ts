import type { AuditLog } from '../audit/audit-log.ts'
import { newRecordId } from '../audit/record-id.ts'
import type { Outcome, PendingRecord } from '../audit/usage-record.ts'
import type { Clock } from '../domain/clock.ts'
import { serverKey } from '../domain/documents/server-definition.ts'
import { ERRORS } from '../domain/errors/error-table.ts'
import { GatewayError, messageWithCauses, toGatewayError } from '../domain/errors/errors.ts'
import type { RefusalTiming } from '../domain/errors/refusal-timing.ts'
import { isSorted } from '../domain/json/json.ts'
import { isToolError } from '../domain/json/raw-object.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { CallHistory } from '../telemetry/metrics/call-history.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { Call } from './call.ts'
import { clientNameOf } from './client/client-name.ts'
import type { Answer } from './stage.ts'
import { sizeOf } from './result-size.ts'

/** How long an answer waits for its record. After that it becomes an error, so that no answer is sent without a record. */
const ANSWER_WAIT_MS = 10_000
/** Characters of the target in records and in the log. */
const MAX_TARGET = 256

interface RecordOptions {
  readonly audit: AuditLog
  readonly metrics: Metrics
  /** For the dashboard; undefined without it. */
  readonly history?: CallHistory | undefined
  readonly refusalTiming: RefusalTiming
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Makes the function that runs a call by `rest` inside its record: no call runs unless it can be recorded, and every
 * attempted call is recorded and counted once, before its answer is sent.
 */
export function record(
  options: RecordOptions,
  rest: (call: Call) => Promise<Answer>,
): (call: Call) => Promise<Answer> {
  const { audit, clock, refusalTiming } = options
  return async (call) => {
    audit.reserve()
    const atMs = clock.now()
    const id = newRecordId(atMs) // now, so that among attempts of one instant those that began first sort first
    call.info.record = { id, atMs }
    let answer: Answer | undefined
    let hasToolFailed = false
    let responseBytes = 0
    let failure: GatewayError | undefined
    try {
      const given = await rest(call)
      hasToolFailed = isToolError(given.raw ?? given.result)
      responseBytes = sizeOf(given)
      answer = given
    } catch (error) {
      failure = toGatewayError(error)
    }
    const durationMs = clock.monotonic() - call.startedAt
    const outcome = outcomeOf(call, hasToolFailed, failure)
    audit.record(recordOf(call, { id, atMs, durationMs, outcome, responseBytes, failure }))
    const isWritten = await audit.flushWithin(ANSWER_WAIT_MS)
    call.info.onRecorded?.()
    count(options, call, { outcome, durationMs: clock.monotonic() - call.startedAt, failure })
    if (answer === undefined) {
      const error = failure ?? new GatewayError('internal')
      const { caller, operation, startedAt } = call
      const { arrivedAt = startedAt } = caller
      const wait = refusalTiming.wait(error, { arrivedAt, signal: operation.signal })
      if (wait !== undefined) await wait
      throw error
    }
    if (!isWritten) throw notRecorded()
    return answer
  }
}

function notRecorded(): GatewayError {
  return new GatewayError('audit_unavailable', 'The call has run, and its usage record cannot be written', {
    facts: { mayHaveExecuted: true },
  })
}

function outcomeOf(call: Call, hasToolFailed: boolean, failure: GatewayError | undefined): Outcome {
  if (failure === undefined) return hasToolFailed ? 'tool_error' : 'ok'
  if (call.info.decision?.effect !== 'allow') return isRefusal(failure) ? 'denied' : 'error'
  return failure.code === 'cancelled' ? 'cancelled' : 'error'
}

function isRefusal({ code }: GatewayError): boolean {
  return code.endsWith('_not_found') || code === 'insufficient_scope' || code === 'tool_held'
}

/** The outcome of a call. */
export interface Finished {
  readonly id: string
  readonly atMs: number
  readonly durationMs: number
  readonly outcome: Outcome
  readonly responseBytes: number
  readonly failure: GatewayError | undefined
}

/** The record of a call, as far as it is known. */
export function recordOf(call: Call, finished: Finished): PendingRecord {
  const { caller, operation, info } = call
  const { principal } = caller
  const { decision } = info
  const given = operation.params['arguments'] ?? {}
  const argumentsText = JSON.stringify(given)
  return {
    id: finished.id,
    atMs: finished.atMs,
    tenantId: principal.tenantId,
    subject: principal.subject,
    agent: orNull(principal.agent),
    roles: principal.roles,
    clientName: orNull(clientNameOf(caller, operation)),
    address: orNull(caller.address),
    face: caller.transport,
    sessionId: orNull(caller.sessionId),
    requestId: caller.requestId,
    action: operation.action,
    target: operation.name.slice(0, MAX_TARGET),
    server: orNull(serverOf(call, finished.failure)),
    instance: orNull(info.instance),
    effect: decision?.effect ?? 'deny',
    ruleId: decision?.ruleId ?? 'unknown-target',
    ruleDocument: info.route === undefined ? null : `servers/${serverKey(info.route.server)}`,
    outcome: finished.outcome,
    code: orNull(finished.failure?.code),
    durationMs: Math.round(finished.durationMs * 1000) / 1000,
    requestBytes: Buffer.byteLength(argumentsText),
    responseBytes: finished.responseBytes,
    argumentsText,
    isCanonical: isSorted(given),
    ...(info.approval !== undefined && { change: { approval: info.approval } }),
  }
}

function orNull<T>(value: T | undefined): T | null {
  return value ?? null
}

/** The server of the call, if no route was found because the server has not listed its offer yet. */
function serverOf({ info: { route } }: Call, failure: GatewayError | undefined): string | undefined {
  return route?.server.name ?? failure?.facts.server
}

function count(
  { metrics, history, logger }: RecordOptions,
  call: Call,
  { outcome, durationMs, failure }: Pick<Finished, 'outcome' | 'durationMs' | 'failure'>,
): void {
  const { caller, operation, info } = call
  const { decision } = info
  const server = decision?.effect === 'allow' ? serverOf(call, failure) : undefined
  const owner = failure && ERRORS[failure.code].owner
  history?.add({ tenantId: caller.principal.tenantId, server, durationMs, errorOwner: owner })
  metrics.call(
    {
      face: caller.transport,
      action: operation.action,
      outcome,
      server: server ?? 'none',
      code: failure?.code,
      owner,
      rule: outcome === 'denied' ? (decision?.ruleId ?? 'unknown-target') : undefined,
    },
    durationMs,
  )
  logEnd(logger, call, outcome, failure)
}

function logEnd(
  logger: Logger,
  { caller: { requestId }, operation: { name } }: Call,
  outcome: Outcome,
  failure: GatewayError | undefined,
): void {
  const target = name.slice(0, MAX_TARGET)
  if (failure?.code === 'internal')
    logger.error({ err: failure.cause, requestId, target }, 'call failed in the gateway')
  else {
    const why = failure && { code: failure.code, reason: messageWithCauses(failure) }
    logger.debug({ requestId, target, outcome, ...why }, 'call')
  }
}
