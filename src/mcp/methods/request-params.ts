import type { CallerClient } from '../../calls/call.ts'
import type { OperationTarget } from '../../calls/target-names.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { parseTraceFields } from '../../telemetry/trace-fields.ts'
import { TASKS_EXTENSION } from '../../upstream/messages/client-side.ts'

const MISSING_CAPABILITY = -32_021

/**
 * Checks that a client of 2026-07-28 that requests a task has declared the tasks extension (MCP extension tasks,
 * errors).
 * @throws GatewayError `client_capability_required`
 */
export function checkHasTasks({ task }: OperationTarget, { era, capabilities }: CallerClient): void {
  const { extensions } = capabilities
  if (task === undefined || era === 'legacy') return
  if (isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION])) return
  const message = `The client did not declare the extension ${TASKS_EXTENSION}`
  const data = { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } }
  throw new GatewayError('client_capability_required', message, {
    // The error code that the extension requires, instead of the gateway's own.
    facts: { mayHaveExecuted: false, upstream: { code: MISSING_CAPABILITY, message, data } },
  })
}

/** The parameters without the caller's progress token, which has no meaning upstream. */
export function splitProgressToken(params: JsonObject): {
  params: JsonObject
  progressToken: string | number | undefined
} {
  const { _meta: meta, ...rest } = params
  if (!isJsonObject(meta)) return { params: rest, progressToken: undefined }
  const { progressToken, ...others } = meta
  const kept = withSoundTrace(others)
  return {
    params: Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest,
    progressToken:
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : undefined,
  }
}

/** Removes a trace context that is not valid (W3C Trace Context §3.2). */
function withSoundTrace(meta: JsonObject): JsonObject {
  const { traceparent, tracestate, ...others } = meta
  if (traceparent === undefined && tracestate === undefined) return meta
  return parseTraceFields({ traceparent, tracestate }) === undefined ? others : meta
}
