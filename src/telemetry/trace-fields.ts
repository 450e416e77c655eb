import { createTraceState, type SpanContext, TraceFlags } from '@opentelemetry/api'

/** Trace context as it travels, in HTTP headers and in `_meta` alike; from a caller each can be anything. */
export interface TraceFields {
  readonly traceparent?: unknown
  readonly tracestate?: unknown
}

/** A `traceparent` has 55 characters; later versions may add fields. */
const MAX_TRACEPARENT = 256
const MAX_TRACESTATE = 512
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * The span that a caller says is the parent, or undefined when it says none or nothing valid (W3C Trace Context §3.2).
 */
export function parseTraceFields({ traceparent, tracestate }: TraceFields): SpanContext | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > MAX_TRACEPARENT) return undefined
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || (version === '00' && more !== undefined))
    return undefined
  const hasState = typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= MAX_TRACESTATE
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags ?? '00', 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(hasState && { traceState: createTraceState(tracestate) }),
  }
}

/** The fields that make `span` the parent of what receives them. */
export function formatTraceFields(span: SpanContext): { traceparent: string; tracestate?: string } {
  const flags = span.traceFlags & TraceFlags.SAMPLED ? '01' : '00'
  const tracestate = span.traceState?.serialize() ?? ''
  return {
    traceparent: `00-${span.traceId}-${span.spanId}-${flags}`,
    ...(tracestate !== '' && { tracestate }),
  }
}
