import { isJsonObject } from '../domain/json/json.ts'
import type { TraceFields } from '../telemetry/trace-fields.ts'

/** The trace context in the `_meta` of a message (MCP 2026-07-28, `_meta`), not validated. */
export function traceFieldsIn(params: unknown): TraceFields | undefined {
  const meta = isJsonObject(params) ? params['_meta'] : undefined
  return isJsonObject(meta) ? { traceparent: meta['traceparent'], tracestate: meta['tracestate'] } : undefined
}
