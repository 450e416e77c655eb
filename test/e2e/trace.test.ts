import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Client, StandardSchemaV1 } from '@modelcontextprotocol/client'
import { startTelemetry, type Telemetry } from '../../src/telemetry/export/start-telemetry.ts'
import { activeTraceFields, withSpan } from '../../src/telemetry/tracing.ts'
import { eventually } from '../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { otlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts'
import { modernClient, rawClient } from '../support/raw-mcp.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { type Documents, startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type RelayedServer, relayedServer } from '../support/stdio-relay.ts'
import { mirrorHttp } from '../support/upstreams/mirror-http.ts'
import type { HttpUpstream } from '../support/upstreams/sample-http.ts'
import { servingMirror } from '../support/upstreams/stdio-servers.ts'

const SERVERS = ['legacy-stdio', 'modern-stdio', 'legacy-http', 'modern-http'] as const
const CANARY = 'canary-7c1f'
const BAGGAGE = `user=${CANARY}`
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const HEADER = `00-${TRACE}-b7ad6b7169203331-01`
const ENV = {
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '20',
  OTEL_METRICS_EXPORTER: 'none',
}

let receiver: OtlpReceiver
let telemetry: Telemetry
let http: HttpUpstream[]
let stdio: RelayedServer[]
let gateway: TestGateway
let token: string

beforeAll(async () => {
  receiver = await otlpReceiver()
  Object.assign(process.env, ENV, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  telemetry = await startTelemetry({ env: process.env, logger: silentLogger, version: '1' })
  const [legacy, modern] = await Promise.all([mirrorHttp('legacy'), mirrorHttp('modern')])
  http = [legacy, modern]
  stdio = [await relayedServer(servingMirror('legacy')), await relayedServer(servingMirror('modern'))]
  gateway = await startTestGateway({
    'legacy-stdio': { ...stdio[0]?.document },
    'modern-stdio': { ...stdio[1]?.document },
    'legacy-http': { transport: 'streamable-http', url: legacy.url, headers: { 'x-key': CANARY } },
    'modern-http': { transport: 'streamable-http', url: `${modern.url}?key=${CANARY}` },
    closed: { transport: 'streamable-http', url: modern.url, requiredRoles: ['nobody'] },
  })
  token = await gateway.token()
})

afterAll(async () => {
  await gateway.close()
  await telemetry.close()
  await Promise.all([receiver, ...http].map((upstream) => upstream.close()))
  await Promise.all(stdio.map((upstream) => upstream.close()))
})

beforeEach(() => {
  receiver.requests.length = 0
})

/** The spans of one trace, once there are `count` of them. */
function traceOf(traceId: string, count: number): Promise<ReceivedSpan[]> {
  return eventually(
    () => {
      const spans = receiver.spans().filter((span) => span.traceId === traceId)
      return spans.length >= count && inOrder(spans)
    },
    { what: `${count} spans` },
  )
}

/** Parents first, then as they started. */
function inOrder(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const depthOf = (span: ReceivedSpan): number => {
    const parent = byId.get(span.parentSpanId)
    return parent === undefined ? 0 : depthOf(parent) + 1
  }
  return spans.toSorted((a, b) => depthOf(a) - depthOf(b) || a.startMs - b.startMs)
}

/** Each span as `name (kind) < name of its parent`, which is the remote one where it is no span of the trace. */
function tree(spans: readonly ReceivedSpan[]): string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]))
  return spans.map(({ name, kind, parentSpanId }) => {
    const parent = parentSpanId === '' ? 'root' : (names.get(parentSpanId) ?? 'remote')
    return `${name} (${kind}) < ${parent}`
  })
}

interface Called {
  readonly traceId: string
  /** `_meta` as the server got it. */
  readonly meta: Record<string, unknown>
}

/** One call in a client span of the test's own, which it names in `_meta`. */
async function callWithSpan(
  call: (params: Record<string, unknown>) => Promise<Record<string, unknown> | undefined>,
  name: string,
): Promise<Called> {
  let traceId = ''
  const result = await withSpan('agent', { kind: 'client' }, () => {
    const fields = activeTraceFields()
    traceId = fields?.traceparent.split('-')[1] ?? ''
    const meta = { ...fields, tracestate: 'vendor=1', baggage: BAGGAGE, 'vendor.example/x': { z: 2 } }
    return call({ name, arguments: { a: CANARY }, _meta: meta })
  })
  const received = (result?.['_meta'] as Record<string, Record<string, unknown>> | undefined)?.[
    'mirror/received'
  ]
  return { traceId, meta: received?.['_meta'] as Record<string, unknown> }
}

const CLIENTS = ['legacy', 'modern', 'sse'] as const

describe.each(CLIENTS)('a call of a %s client', (kind) => {
  test.each(SERVERS)('to %s is one trace, from the client to the server', async (server) => {
    let sse: Client | undefined
    const request = async (params: Record<string, unknown>): Promise<Record<string, unknown> | undefined> => {
      if (kind !== 'sse') {
        const client = await rawClient(kind, gateway.url, token)
        return (await client.request('tools/call', params)).message.result
      }
      sse = await connectClient('sse', gateway.url, token)
      return (await sse.request({ method: 'tools/call', params }, ANYTHING)) as Record<string, unknown>
    }
    const { traceId, meta } = await callWithSpan(request, `${server}_mirror`).finally(() => {
      void sse?.close()
    })
    const spans = await traceOf(traceId, 4)
    expect(tree(spans)).toEqual([
      'agent (client) < root',
      `tools/call ${server}_mirror (server) < agent`,
      `access decision (internal) < tools/call ${server}_mirror`,
      `tools/call mirror (client) < tools/call ${server}_mirror`,
    ])
    expect(meta).toEqual({
      traceparent: `00-${traceId}-${spans[3]?.spanId}-01`,
      tracestate: 'vendor=1',
      'vendor.example/x': { z: 2 },
    })
    expect(spans[3]?.attributes).toMatchObject({
      'tool_gateway.server.name': server,
      'mcp.protocol.version': server.startsWith('modern') ? '2026-07-28' : '2025-11-25',
      'network.transport': server.endsWith('stdio') ? 'pipe' : 'tcp',
    })
  })
})

describe('where a trace starts', () => {
  test('the traceparent header is the parent of an MCP request that names none', async () => {
    const client = await rawClient('modern', gateway.url, token)
    const params = { name: 'legacy-stdio_mirror', arguments: {} }
    await client.request('tools/call', params, { headers: { traceparent: HEADER, baggage: BAGGAGE } })
    expect(tree(await traceOf(TRACE, 3))).toEqual([
      'tools/call legacy-stdio_mirror (server) < remote',
      'access decision (internal) < tools/call legacy-stdio_mirror',
      'tools/call mirror (client) < tools/call legacy-stdio_mirror',
    ])
  })

  test('and of a REST call, which the server gets in _meta', async () => {
    const { body } = await gateway.rest(
      token,
      'POST',
      '/v1/tools/legacy-http_mirror',
      { arguments: { a: CANARY } },
      { traceparent: HEADER.replace(TRACE, '1'.repeat(32)), 'x-request-id': 'mine' },
    )
    const spans = await traceOf('1'.repeat(32), 3)
    expect(tree(spans)[0]).toBe('tools/call legacy-http_mirror (server) < remote')
    expect(spans[0]?.attributes).toMatchObject({
      'tool_gateway.face': 'rest',
      'tool_gateway.request.id': 'mine',
    })
    expect(body).toMatchObject({
      _meta: { 'mirror/received': { _meta: { traceparent: `00-${'1'.repeat(32)}-${spans[2]?.spanId}-01` } } },
    })
  })

  test('a list is traced too', async () => {
    const client = await rawClient('legacy', gateway.url, token)
    await client.request(
      'tools/list',
      {},
      { headers: { traceparent: HEADER.replace(TRACE, '2'.repeat(32)) } },
    )
    expect(tree(await traceOf('2'.repeat(32), 1))).toEqual(['tools/list (server) < remote'])
  })

  test('a traceparent that is not valid starts a new trace', async () => {
    const client = await rawClient('modern', gateway.url, token)
    const params = {
      name: 'modern-stdio_mirror',
      arguments: {},
      _meta: { traceparent: 'x', tracestate: 'y' },
    }
    const { message } = await client.request('tools/call', params)
    const spans = await eventually(() => receiver.spans().length >= 3 && receiver.spans())
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    const [received] = Object.values(message.result?.['_meta'] ?? {}) as Record<string, unknown>[]
    expect(received?.['_meta']).toEqual({
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    })
  })
})

test('a denied call has a decision and nothing upstream, and what was asked for is not named', async () => {
  const client = await rawClient('modern', gateway.url, token)
  const params = {
    name: `closed_${CANARY}`,
    arguments: {},
    _meta: { traceparent: HEADER.replace(TRACE, '3'.repeat(32)) },
  }
  const { message } = await client.request('tools/call', params)
  expect(message.error?.code).toBe(-32602)
  const spans = await traceOf('3'.repeat(32), 2)
  expect(tree(spans)).toEqual(['tools/call (server) < remote', 'access decision (internal) < tools/call'])
  expect(spans[0]).toMatchObject({ isError: true, attributes: { 'error.type': '-32602' } })
})

test('arguments, tokens, results, headers, queries and baggage are in no span', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    for (const server of SERVERS) {
      const client = await rawClient(era, gateway.url, token)
      const { message } = await client.request('tools/call', {
        name: `${server}_mirror`,
        arguments: { a: CANARY },
        _meta: { baggage: BAGGAGE },
      })
      expect(JSON.stringify(message.result)).toContain(CANARY)
      await client.request('resources/read', { uri: `mirror://${CANARY}` })
      await client.request('tools/call', { name: CANARY, arguments: { a: CANARY } })
      await client.request(`${CANARY}/method`, {})
    }
  }
  const spans = await eventually(
    () => receiver.spans().filter(({ kind }) => kind === 'server').length >= 24 && receiver.spans(),
    { what: 'the spans of all requests' },
  )
  expect(spans.length).toBeGreaterThan(40)
  const text = JSON.stringify(spans)
  expect(text).not.toContain(CANARY)
  expect(text).not.toContain(token)
  expect(text).not.toMatch(/hologram/)
})

describe('the process', () => {
  async function spawnWith(servers: Documents, env: Record<string, string>): Promise<GatewayProcess> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-traced-'))
    await writeFile(join(dataDir, 'registry.yaml'), JSON.stringify({ servers }))
    return spawnGateway({ ...env, DATA_DIR: dataDir })
  }

  test('exports traces and metrics of its own, and its log names the spans', async () => {
    const child = await spawnWith(
      { echoing: { ...stdio[0]?.document, requiredRoles: ['reader'] } },
      {
        ...ENV,
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        LOG_LEVEL: 'debug',
      },
    )
    try {
      const url = await child.url()
      const { stdout } = await child.tg('token', '--roles', 'reader')
      const traceparent = HEADER.replace(TRACE, '4'.repeat(32))
      const ask = async (): Promise<boolean> => {
        const response = await fetch(`${url}/v1/tools/echoing_mirror`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${stdout.trim()}`,
            'content-type': 'application/json',
            traceparent,
          },
          body: JSON.stringify({ arguments: { message: 'hello' } }),
        })
        return response.ok
      }
      await eventually(ask, { what: 'an echo' })
      const listed = await modernClient(url, stdout.trim()).request('tools/list')
      expect(listed.message.result).toHaveProperty('tools')
      child.child.kill('SIGTERM')
      expect(await child.exited).toBe(0)
      const spans = receiver.spans().filter(({ traceId }) => traceId === '4'.repeat(32))
      expect(tree(spans)).toContain('tools/call mirror (client) < tools/call echoing_mirror')
      expect(receiver.metricNames()).toEqual(
        expect.arrayContaining([
          'gateway.calls',
          'mcp.server.operation.duration',
          'mcp.client.operation.duration',
        ]),
      )
      const line = child.log.find(({ msg, outcome }) => msg === 'call' && outcome === 'ok')
      const entry = spans.find(({ name }) => name === 'tools/call echoing_mirror')
      expect(line).toMatchObject({ trace_id: '4'.repeat(32), span_id: entry?.spanId })
    } finally {
      await child.remove()
    }
  })
})
