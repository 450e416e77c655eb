import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A span as it came over OTLP/HTTP with JSON. */
export interface ReceivedSpan {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client'
  readonly attributes: Record<string, unknown>
  readonly isError: boolean
  readonly startMs: number
  readonly durationMs: number
}

/** A collector in this process, on a free loopback port. */
export interface OtlpReceiver {
  readonly url: string
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[]
  /** Of all requests so far that were JSON. */
  readonly spans: () => ReceivedSpan[]
  readonly metricNames: () => string[]
  readonly close: () => Promise<void>
}

interface KeyValue {
  readonly key: string
  readonly value: Record<string, unknown>
}
interface Traces {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: KeyValue[] }
    readonly scopeSpans: { readonly spans: RawSpan[] }[]
  }[]
}
interface RawSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: KeyValue[]
  readonly status: { readonly code?: number }
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
}
interface Metrics {
  readonly resourceMetrics: {
    readonly scopeMetrics: { readonly metrics: { readonly name: string }[] }[]
  }[]
}

const KINDS: readonly ReceivedSpan['kind'][] = ['internal', 'internal', 'server', 'client']
const ERROR = 2

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const requests: OtlpReceiver['requests'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) })
      response.setHeader('content-type', request.headers['content-type'] ?? 'application/json').end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const json = <T>(path: string): T[] =>
    requests
      .filter(({ path: of, headers }) => of === path && headers['content-type'] === 'application/json')
      .map(({ body }) => JSON.parse(body.toString()) as T)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans: () => json<Traces>('/v1/traces').flatMap(spansIn),
    metricNames: () =>
      json<Metrics>('/v1/metrics').flatMap(({ resourceMetrics }) =>
        resourceMetrics.flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) => metrics.map(({ name }) => name)),
        ),
      ),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function spansIn({ resourceSpans }: Traces): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(attributesOf(resource.attributes)['service.name'])
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(span, service)))
  })
}

function spanOf(span: RawSpan, service: string): ReceivedSpan {
  const { traceId, spanId, parentSpanId = '', name } = span
  const startMs = Number(span.startTimeUnixNano) / 1e6
  return {
    service,
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: KINDS[span.kind] ?? 'internal',
    attributes: attributesOf(span.attributes),
    isError: span.status.code === ERROR,
    startMs,
    durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
  }
}

function attributesOf(list: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))
}
