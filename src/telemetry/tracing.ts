import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import { ATTRIBUTE } from './attributes.ts'
import { formatTraceFields, parseTraceFields, type TraceFields } from './trace-fields.ts'

/** Spans for everything outside this folder. While there is no tracer each function only does what it wraps. */
let tracer: Tracer | undefined

/** Starts tracing for the whole process, or ends it. */
export function useTracer(next: Tracer | undefined): void {
  tracer = next
}

/** What kind of span it is, which parent it has, and which outcomes it reports as failures. */
export interface SpanOptions<T> {
  readonly kind: 'server' | 'client' | 'internal'
  readonly attributes?: Attributes
  /** Where a server span belongs; undefined, or without a valid parent in it: to the active remote parent. */
  readonly parent?: TraceFields | undefined
  /** Attributes of an outcome that is a failure, `error.type` among them; undefined for any other. */
  readonly failureOf?: (
    outcome: { readonly result: T } | { readonly error: unknown },
  ) => Attributes | undefined
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const

/**
 * Runs `run` in a span, which is the active one meanwhile and ends when the promise settles. What `run` throws is
 * recorded through `failureOf` only: messages and stacks may quote arguments.
 */
export function withSpan<T>(name: string, options: SpanOptions<T>, run: () => Promise<T>): Promise<T> {
  return tracer === undefined ? run() : spanned(tracer, name, options, run)
}

async function spanned<T>(
  using: Tracer,
  name: string,
  { kind, attributes = {}, parent, failureOf }: SpanOptions<T>,
  run: () => Promise<T>,
): Promise<T> {
  const { within, links } = kind === 'server' ? entry(parent) : { within: context.active(), links: [] }
  const span = using.startSpan(name, { kind: KINDS[kind], attributes, links }, within)
  const settle = (outcome: { result: T } | { error: unknown }): void => {
    if (span.isRecording()) fail(span, failureOf?.(outcome))
  }
  try {
    const result = await context.with(trace.setSpan(within, span), run)
    settle({ result })
    return result
  } catch (error) {
    settle({ error })
    throw error
  } finally {
    span.end()
  }
}

/** A server span never belongs to a span of ours, which could only be one that has ended: it comes from outside. */
function entry(parent: TraceFields | undefined): { within: Context; links: { context: RemoteParent }[] } {
  const active = trace.getSpanContext(context.active())
  const remote = active?.isRemote === true ? active : undefined
  const given = parent && parseTraceFields(parent)
  const chosen = given ?? remote
  return {
    within: chosen === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, chosen),
    links:
      given !== undefined && remote !== undefined && given.spanId !== remote.spanId
        ? [{ context: remote }]
        : [],
  }
}

type RemoteParent = NonNullable<ReturnType<typeof trace.getSpanContext>>

function fail(span: Span, attributes: Attributes | undefined): void {
  if (attributes === undefined) return
  span
    .setAttributes({ [ATTRIBUTE.errorType]: '_OTHER', ...attributes })
    .setStatus({ code: SpanStatusCode.ERROR })
}

/** Runs `run` with the span that a caller names as parent active, where it names a valid one. */
export function withRemoteParent<T>(fields: TraceFields, run: () => T): T {
  if (tracer === undefined) return run()
  const parent = parseTraceFields(fields)
  return parent === undefined ? run() : context.with(trace.setSpanContext(ROOT_CONTEXT, parent), run)
}

/** Whether there are spans at all. */
export function isTracing(): boolean {
  return tracer !== undefined
}

/** Whether a span is active that is exported. */
export function isRecording(): boolean {
  return recordingSpan() !== undefined
}

/** Adds attributes to the active span, and renames it if `name` is given. Without an active span it does nothing. */
export function describeSpan(attributes: Attributes, name?: string): void {
  const span = recordingSpan()
  span?.setAttributes(attributes)
  if (name !== undefined) span?.updateName(name)
}

/** The ids that a log line about the active span carries. A span that has ended is not active, wherever it is held. */
export function activeTraceIds(): { trace_id: string; span_id: string } | undefined {
  const ids = recordingSpan()?.spanContext()
  return ids && { trace_id: ids.traceId, span_id: ids.spanId }
}

/** What makes the active span the parent upstream; also of a span that is not sampled, which says just that. */
export function activeTraceFields(): ReturnType<typeof formatTraceFields> | undefined {
  if (tracer === undefined) return undefined
  const active = trace.getSpanContext(context.active())
  return active === undefined || active.isRemote === true ? undefined : formatTraceFields(active)
}

function recordingSpan(): Span | undefined {
  if (tracer === undefined) return undefined
  const span = trace.getSpan(context.active())
  return span?.isRecording() === true ? span : undefined
}
