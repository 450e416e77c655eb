import { type Attributes, context, type Link, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node'
import { EntrySampler } from '../../src/telemetry/export/sampler.ts'
import { useTracer } from '../../src/telemetry/tracing.ts'

type EndedSpan = Parameters<NonNullable<NodeSDKConfiguration['spanProcessors']>[number]['onEnd']>[0]

/** A span that has ended, in plain values. */
export interface RecordedSpan {
  readonly name: string
  readonly kind: string
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly attributes: Attributes
  readonly isError: boolean
  readonly events: number
  readonly links: readonly Link[]
}

/** Tracing in this process into an array, until `stop`. */
export function recordSpans(ratio = 1): { spans: RecordedSpan[]; stop: () => Promise<void> } {
  const spans: RecordedSpan[] = []
  const sdk = new NodeSDK({
    autoDetectResources: false,
    sampler: new EntrySampler({ ratio, random: () => 0.5 }),
    textMapPropagator: null,
    metricReaders: [],
    logRecordProcessors: [],
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: (span) => void spans.push(recorded(span)),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  })
  sdk.start()
  useTracer(trace.getTracer('test'))
  return {
    spans,
    stop: async () => {
      useTracer(undefined)
      await sdk.shutdown()
      trace.disable()
      context.disable()
    },
  }
}

function recorded(span: EndedSpan): RecordedSpan {
  const { traceId, spanId } = span.spanContext()
  return {
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    traceId,
    spanId,
    parent: span.parentSpanContext?.spanId,
    attributes: span.attributes,
    isError: span.status.code === SpanStatusCode.ERROR,
    events: span.events.length,
    links: span.links,
  }
}
