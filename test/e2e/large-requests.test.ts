import { once } from 'node:events'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { CONVERSATIONS, openConversation } from '../support/raw-conversation.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

let gateway: TestGateway
let holding: HttpUpstream
/** Subjects whose calls reached the server, which answers none of them. */
let arrived: string[]

interface Request {
  readonly id?: unknown
  readonly method: string
  readonly params: { readonly arguments: { readonly of: string } }
}

/** A server whose tool `hold` never answers. */
function holdingServer(): Promise<HttpUpstream> {
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'holding', version: '1' },
    },
    'tools/list': { tools: [{ name: 'hold', inputSchema: { type: 'object' } }] },
  }
  return listen(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method, params } = (await json(request)) as Request
    if (id === undefined) return void response.writeHead(202).end()
    if (method === 'tools/call') return void arrived.push(params.arguments.of)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] }))
  })
}

beforeAll(async () => {
  arrived = []
  holding = await holdingServer()
  gateway = await startTestGateway(
    { holding: { transport: 'streamable-http', url: holding.url, era: 'legacy', tenantId: '*' } },
    {
      tenants: { other: {} },
      env: { MAX_BODY_BYTES_IN_PROGRESS: '1048576' },
    },
  )
})

afterAll(async () => {
  await gateway.close()
  await holding.close()
})

/** Arguments of 200 KB: of 1 MB, a tenant has room for three such requests, and another tenant then for one. */
const LARGE = 'x'.repeat(200_000)

const large = (of: string): Record<string, unknown> => ({ of, padding: LARGE })

/** The lines with which a call over REST begins. */
const headOf = (authorization: string): string[] => [
  'POST /v1/tools/holding_hold HTTP/1.1',
  'host: 127.0.0.1',
  `authorization: ${authorization}`,
  'content-type: application/json',
]

/** Requests that were refused as too much so far. */
async function overloads(): Promise<number> {
  const metrics = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  return Number(/^gateway_overloads_total(?:\{.*\})? (\d+)/m.exec(metrics)?.[1] ?? 0)
}

const countOf = (subject: string): number => arrived.filter((each) => each === subject).length

test.each(CONVERSATIONS)(
  'large requests in progress over %s leave room for another tenant, and are refused when they would take more',
  async (kind) => {
    const call = { name: 'holding_hold' }
    const greedy = await openConversation(kind, gateway.url, await gateway.token())
    for (const id of [1, 2, 3]) {
      greedy.request(id, 'tools/call', { ...call, arguments: large(`greedy ${kind}`) })
      await eventually(() => countOf(`greedy ${kind}`) === id)
    }
    const token = await gateway.token()
    const body = { arguments: large('refused') }
    const refused = await gateway.rest(token, 'POST', '/v1/tools/holding_hold', body)
    expect([refused.status, refused.headers.get('retry-after'), refused.body]).toMatchObject([
      503,
      '1',
      { code: 'overloaded', detail: 'Large requests in progress leave no memory for this one' },
    ])
    greedy.request(4, 'tools/call', { ...call, arguments: large('refused') })
    greedy.request(5, 'tools/call', { ...call, arguments: { of: `small ${kind}` } })
    const other = await openConversation(kind, gateway.url, await gateway.token({ tenantId: 'other' }))
    other.request(1, 'tools/call', { ...call, arguments: large(`other ${kind}`) })
    await eventually(() => countOf(`other ${kind}`) === 1 && countOf(`small ${kind}`) === 1)
    await greedy.close()
    await other.close()
    await eventually(() => gateway.gateway.callsInFlight() === 0, { what: 'the end of all calls' })
    const later = await openConversation(kind, gateway.url, await gateway.token())
    later.request(1, 'tools/call', { ...call, arguments: large(`later ${kind}`) })
    await eventually(() => countOf(`later ${kind}`) === 1)
    await later.close()
    await eventually(() => gateway.gateway.callsInFlight() === 0, { what: 'the end of all calls' })
    expect(arrived).not.toContain('refused')
  },
)

test.each([
  ['that state their length', (body: string) => [`content-length: ${body.length}`, '', body.slice(0, -1)]],
  ['in chunks', (body: string) => ['transfer-encoding: chunked', '', body.length.toString(16), body, '']],
])(
  'bodies %s count before they are complete, and a body without room is answered with 503',
  async (_what, framed) => {
    const authorization = `Bearer ${await gateway.token()}`
    const { hostname, port } = new URL(gateway.url)
    const post = (body: string): { received: string; destroy: () => void } => {
      const socket = connect(Number(port), hostname)
      socket.write([...headOf(authorization), ...framed(body)].join('\r\n'))
      const answer = { received: '', destroy: () => void socket.destroy() }
      socket.on('data', (chunk: Buffer) => (answer.received += chunk.toString()))
      socket.on('error', () => undefined)
      return answer
    }
    const body = JSON.stringify({ arguments: large('partial') })
    const posted = Array.from({ length: 4 }, () => post(body))
    const refused = await eventually(() => posted.find(({ received }) => received !== ''))
    expect(refused.received).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 1[^]*"code":"overloaded"/i)
    expect(posted.filter(({ received }) => received === '').length).toBeGreaterThan(1)
    for (const { destroy } of posted) destroy()
    const next = await eventually(async () => {
      const { body: answer } = await gateway.rest(authorization.slice(7), 'POST', '/v1/tools/holding_none', {
        arguments: large('next'),
      })
      return answer['code'] === 'overloaded' ? undefined : answer['code']
    })
    expect(next).toBe('tool_not_found')
  },
)

test('a client that leaves while its token is verified holds nothing', async () => {
  const { hostname, port } = new URL(gateway.url)
  for (let at = 0; at < 20; at += 1) {
    const authorization = `Bearer ${await gateway.token({ subject: `leaving-${at}` })}`
    const socket = connect(Number(port), hostname)
    const head = [...headOf(authorization), 'content-length: 200000', '', '']
    socket.write(head.join('\r\n'), () => socket.destroy())
    await once(socket, 'close')
  }
  const { body } = await gateway.rest(await gateway.token(), 'POST', '/v1/tools/holding_none', {
    arguments: large('next'),
  })
  expect(body['code']).toBe('tool_not_found')
})

test.each([...CONVERSATIONS, 'rest'] as const)(
  'requests of many values in a short body over %s count as what their values take',
  async (kind) => {
    const token = await gateway.token()
    const values = { of: `values ${kind}`, padding: Array.from({ length: 5400 }, () => ({})) }
    const rest = (): ReturnType<TestGateway['rest']> =>
      gateway.rest(token, 'POST', '/v1/tools/holding_hold', { arguments: values })
    const first = kind === 'rest' ? undefined : await openConversation(kind, gateway.url, token)
    const leaving = new AbortController()
    if (first === undefined)
      void fetch(`${gateway.url}/v1/tools/holding_hold`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ arguments: values }),
        signal: leaving.signal,
      }).catch(() => undefined)
    first?.request(1, 'tools/call', { name: 'holding_hold', arguments: values })
    await eventually(() => countOf(`values ${kind}`) === 1)
    const before = await overloads()
    const refused = await rest()
    expect([refused.status, refused.body['code']]).toEqual([503, 'overloaded'])
    expect(await overloads()).toBe(before + 1)
    leaving.abort()
    await first?.close()
    await eventually(() => gateway.gateway.callsInFlight() === 0, { what: 'the end of all calls' })
  },
)
