import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const TOOLS = ['fine', 'refused', 'forbidden', 'hurried', 'paused', 'broken'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
}))
const REFUSALS: Record<string, [status: number, headers: Record<string, string>, error?: object]> = {
  refused: [401, { 'www-authenticate': 'Bearer' }],
  forbidden: [403, {}],
  hurried: [429, { 'retry-after': '7' }],
  paused: [503, { 'retry-after': '8' }],
  broken: [500, {}, { code: -32_603, message: 'the database is down' }],
}

let upstream: HttpUpstream
let gateway: TestGateway
let token: string
let called: string[]

beforeEach(async () => {
  called = []
  upstream = await listen((request, response) => void answer(request, response))
  gateway = await startTestGateway({
    picky: { transport: 'streamable-http', url: upstream.url, era: 'legacy' },
    // Its calls are sent by the SDK.
    bounded: { transport: 'streamable-http', url: upstream.url, era: 'legacy', maxTotalMs: 60_000 },
  })
  token = await gateway.token()
})

afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

/** A server that everybody may list, and whose tools answer as they are called. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return void response.writeHead(405).end()
  const { id, method, params } = JSON.parse(await text(request)) as {
    id?: number
    method: string
    params?: { name?: string }
  }
  if (id === undefined) return void response.writeHead(202).end()
  const name = method === 'tools/call' ? (params?.name ?? '') : ''
  if (name !== '') called.push(name)
  const [status, headers, error] = REFUSALS[name] ?? [200, {}]
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'p', version: '1' },
    },
    'tools/list': { tools: TOOLS },
    'tools/call': { content: [] },
  }
  const result = status === 200 ? (results[method] ?? {}) : undefined
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result, error }))
}

const call = (tool: string, server = 'picky'): ReturnType<TestGateway['rest']> =>
  gateway.rest(token, 'POST', `/v1/tools/${server}_${tool}`, { arguments: {} })

test.each([
  ['refused', 401, 'upstream_refused', 'Server picky refused the call (HTTP 401)', 502],
  ['forbidden', 403, 'upstream_refused', 'Server picky refused the call (HTTP 403)', 502],
  ['hurried', 429, 'upstream_unavailable', 'Server picky is unavailable (HTTP 429)', 503],
])(
  'a tool whose calls are %s with HTTP %i is called once a call, and the other tools stay in use',
  async (tool, _status, code, detail, status) => {
    for (let index = 0; index < 12; index += 1)
      expect(await call(tool)).toMatchObject({ status, body: { code, detail, mayHaveExecuted: false } })
    expect(called).toEqual(Array.from({ length: 12 }, () => tool))
    expect((await call('fine')).status).toBe(200)
  },
)

test.each([
  ['picky', 'hurried', 429, '7', 7000],
  ['picky', 'paused', 503, '8', 8000],
  ['bounded', 'hurried', 429, '7', 7000],
  ['bounded', 'paused', 503, '8', 8000],
])(
  'callers of %s hear how long a server wants to be left alone that answers %s with HTTP %i',
  async (server, tool, status, seconds, retryAfterMs) => {
    const { headers, body } = await call(tool, server)
    expect(headers.get('retry-after')).toBe(seconds)
    expect(body).toMatchObject({
      code: 'upstream_unavailable',
      detail: `Server ${server} is unavailable (HTTP ${status})`,
      retryAfterMs,
      mayHaveExecuted: status === 503,
    })
    expect(called).toEqual([tool])
  },
)

test('the error of a server that answers HTTP 500 reaches callers, and counts as a failure of the server', async () => {
  expect(await call('broken')).toMatchObject({
    body: {
      code: 'upstream_error',
      upstream: { code: -32_603, message: 'the database is down' },
      mayHaveExecuted: true,
    },
  })
  for (let index = 0; index < 5; index += 1) await call('broken')
  expect((await call('fine')).body['code']).toBe('circuit_open')
})
