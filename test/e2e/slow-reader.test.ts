import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { MODERN, withEnvelope } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

let gateway: TestGateway
let torrent: HttpUpstream
/** How much each call of the tool `flow` has sent before it was cut off. */
let cutOffAfter: number[]

beforeAll(async () => {
  cutOffAfter = []
  torrent = await torrential()
  gateway = await startTestGateway({
    torrent: { transport: 'streamable-http', url: torrent.url, era: 'legacy' },
  })
})

afterAll(async () => {
  await gateway.close()
  await torrent.close()
})

interface Request {
  readonly id?: unknown
  readonly method: string
  readonly params: { readonly name: string; readonly _meta: { readonly progressToken: unknown } }
}

const TOO_MUCH_BYTES = 150_000_000
const GUSH_BYTES = 4_000_000
/** More than the system takes of a response that is not read. */
const FLOOD_BYTES = 9_000_000

/** A server whose tool `flow` reports progress without end, or nearly so, and whose tools `gush` and `flood` have large answers. */
function torrential(): Promise<HttpUpstream> {
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'torrent', version: '1' },
    },
    'tools/call': { content: [{ type: 'text', text: 'x'.repeat(GUSH_BYTES) }] },
    'tools/list': {
      tools: ['flow', 'gush', 'flood'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    },
  }
  return listen(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method, params } = (await json(request)) as Request
    if (id === undefined) return void response.writeHead(202).end()
    if (method === 'tools/call' && params.name === 'flow')
      return flow(response, id, params['_meta'].progressToken)
    response.setHeader('content-type', 'application/json')
    if (method === 'tools/call' && params.name === 'flood')
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result: flood }))
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] }))
  })
}

const flood = { content: [{ type: 'text', text: 'x'.repeat(FLOOD_BYTES) }] }

function flow(response: ServerResponse, id: unknown, progressToken: unknown): void {
  const send = (message: Record<string, unknown>): unknown =>
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
  let sent = 0
  const more = (): void => {
    if (response.closed) return
    if (sent >= TOO_MUCH_BYTES) {
      send({ id, result: { content: [] } })
      return void response.end()
    }
    sent += 1_000_000
    const params = { progressToken, progress: sent, message: 'x'.repeat(1_000_000) }
    send({ method: 'notifications/progress', params })
    if (response.writableNeedDrain) response.once('drain', more)
    else setImmediate(more)
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.once('close', () => {
    if (!response.writableFinished) cutOffAfter.push(sent)
  })
  more()
}

test('an SSE client that does not read loses its stream before its answers fill the memory', async () => {
  const authorization = `Bearer ${await gateway.token()}`
  const { hostname, port } = new URL(gateway.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET /sse HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: ${authorization}\r\n\r\n`)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  const endpoint = /data: (\S+)/.exec(chunk.toString())?.[1] ?? ''
  socket.pause()
  const post = async (message: unknown): Promise<number> => {
    const response = await fetch(gateway.url + endpoint, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
    await response.text()
    return response.status
  }
  await post({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'slow', version: '1' } },
  })
  let id = 0
  const status = await eventually(
    async () => {
      id += 1
      const params = { name: 'torrent_gush', arguments: {} }
      const answer = await post({ jsonrpc: '2.0', id, method: 'tools/call', params })
      if (answer !== 202) return answer
      await eventually(() => gateway.gateway.callsInFlight() === 0)
      return undefined
    },
    { timeoutMs: 60_000, what: 'the end of the stream' },
  )
  socket.destroy()
  expect(status).toBe(404)
  expect(id).toBeGreaterThan(4)
})

test.each([
  [
    'a modern client',
    '/mcp',
    [`mcp-protocol-version: ${MODERN}`, 'mcp-method: tools/call', 'mcp-name: torrent_flow'],
    {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: withEnvelope({ name: 'torrent_flow', arguments: {}, _meta: { progressToken: 1 } }),
    },
    'application/json, text/event-stream',
  ],
  ['a REST client', '/v1/tools/torrent_flow', [], { arguments: {} }, 'text/event-stream'],
])(
  '%s that does not read its stream loses it, and its call ends, before the memory is full',
  // oxlint-disable-next-line max-params
  async (_who, path, headers, message, accept) => {
    const before = cutOffAfter.length
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    const body = JSON.stringify(message)
    socket.write(
      [
        `POST ${path} HTTP/1.1`,
        `host: ${hostname}`,
        `authorization: Bearer ${await gateway.token()}`,
        'content-type: application/json',
        `content-length: ${body.length}`,
        `accept: ${accept}`,
        ...headers,
        '',
        body,
      ].join('\r\n'),
    )
    socket.pause()
    await eventually(() => cutOffAfter.length > before, { timeoutMs: 60_000, what: 'the end of the call' })
    socket.destroy()
    expect(cutOffAfter.at(-1)).toBeLessThan(TOO_MUCH_BYTES)
  },
)

/** The request of a large result, over REST. */
const floodCall = (authorization: string): string =>
  [
    'POST /v1/tools/torrent_flood HTTP/1.1',
    'host: 127.0.0.1',
    `authorization: ${authorization}`,
    'content-type: application/json',
    'content-length: 2',
    '',
    '{}',
  ].join('\r\n')

test('callers who leave many large results unread lose connections, and the result of another tenant arrives', async () => {
  const small = await startTestGateway(
    { torrent: { transport: 'streamable-http', url: torrent.url, era: 'legacy', tenantId: '*' } },
    { tenants: { other: {} }, env: { MAX_UNREAD_BYTES: '40000000' } },
  )
  const { hostname, port } = new URL(small.url)
  const greedy = `Bearer ${await small.token()}`
  const patient = `Bearer ${await small.token({ tenantId: 'other' })}`
  const slow = connect(Number(port), hostname).pause()
  slow.write(floodCall(patient))
  const sockets = Array.from({ length: 20 }, () => connect(Number(port), hostname).pause())
  for (const socket of sockets) socket.write(floodCall(greedy))
  const ofUnread = /^gateway_slow_clients_total\{.*reason="unread_limit".*\} (\d+)/m
  await eventually(async () => {
    const metrics = await (await fetch(small.gateway.metricsUrl ?? '')).text()
    return Number(ofUnread.exec(metrics)?.[1]) > 10
  })
  let bytes = 0
  slow.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume()
  await eventually(() => bytes > FLOOD_BYTES)
  for (const socket of [slow, ...sockets]) socket.destroy()
  await small.close()
  expect(bytes).toBeGreaterThan(FLOOD_BYTES)
})

test('callers who read get all of their large results, however many these are for the memory', async () => {
  const small = await startTestGateway(
    { torrent: { transport: 'streamable-http', url: torrent.url, era: 'legacy' } },
    // How long all of them take is up to the machine.
    { env: { MAX_UNREAD_BYTES: '40000000', CALL_TIMEOUT_MS: '240000' } },
  )
  const { hostname, port } = new URL(small.url)
  const call = floodCall(`Bearer ${await small.token()}`)
  const received = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const socket = connect(Number(port), hostname)
      const closed = once(socket, 'close')
      let bytes = 0
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > FLOOD_BYTES) socket.destroy()
      })
      socket.write(call)
      await closed
      return bytes
    }),
  )
  const metrics = await (await fetch(small.gateway.metricsUrl ?? '')).text()
  await small.close()
  expect(received.filter((bytes) => bytes <= FLOOD_BYTES)).toEqual([])
  expect(metrics).not.toMatch(/^gateway_slow_clients_total\{.*unread_limit.*\} [1-9]/m)
}, 240_000)
