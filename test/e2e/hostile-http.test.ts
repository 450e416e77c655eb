import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { type HostileWorld, startHostileWorld } from '../support/hostile-world.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { initialize, legacyClient, modernClient, openSse, postMcp } from '../support/raw-mcp.ts'

let world: HostileWorld

beforeAll(async () => {
  world = await startHostileWorld()
})

afterAll(() => world.close())

afterEach(() => world.checkForeignCall())

type Fields = Record<string, string>

async function ask(
  method: string,
  path: string,
  headers: Fields = {},
  body?: string | Buffer,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(world.gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${world.token}`, ...headers },
    ...(body !== undefined && { body }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const BOTH = { ...JSON_TYPE, accept: 'application/json, text/event-stream' }

describe('a session that is not there', () => {
  const unknown = (id: number | null): string =>
    `{"jsonrpc":"2.0","id":${id},"error":{"code":-31012,"message":"Unknown session","data":{"code":"session_not_found","retryable":false}}}`

  test('gives one and the same answer for 100 ids, over either transport and whatever they look like', async () => {
    const ids = [
      ...Array.from({ length: 97 }, (_, n) => `session-${n}`),
      '__proto__',
      'a/b',
      'x'.repeat(10_240),
    ]
    for (const id of ids) {
      const over = await ask(
        'POST',
        '/mcp',
        { ...BOTH, 'mcp-session-id': id },
        '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      )
      expect([over.status, over.text]).toEqual([404, unknown(1)])
      const path = `/messages?sessionId=${encodeURIComponent(id)}`
      const sse = await ask('POST', path, JSON_TYPE, '{"jsonrpc":"2.0","id":1,"method":"ping"}')
      expect([sse.status, sse.text]).toEqual([404, unknown(1)])
    }
  })

  test('is what a deleted one is, and what one of another transport or another caller is', async () => {
    const client = await legacyClient(world.gateway.url, world.token)
    const id = client.sessionId ?? ''
    expect((await client.request('ping')).status).toBe(200)
    const foreign = await postMcp(world.gateway.url, world.foreignToken, initialize(1), {
      headers: { 'mcp-session-id': id },
    })
    expect([foreign.status, foreign.text]).toEqual([404, unknown(1)])
    const overSse = await ask('POST', `/messages?sessionId=${id}`, JSON_TYPE, '{}')
    expect([overSse.status, overSse.text]).toEqual([404, unknown(null)])
    expect((await ask('DELETE', '/mcp', { 'mcp-session-id': id })).status).toBe(200)
    for (const method of ['DELETE', 'GET']) {
      expect((await ask(method, '/mcp', { ...BOTH, 'mcp-session-id': id })).text).toBe(unknown(null))
    }
    expect((await client.request('ping')).text).toMatch(
      /^\{"jsonrpc":"2.0","id":\d+,"error":\{"code":-31012,"message":"Unknown session"/,
    )
  })
})

test.each([
  ['not JSON', '{', -32700],
  ['nothing', '', -32600],
  ['a batch', '[]', -32600],
  ['no message', '{"a":1}', -32600],
  ['the id null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
])('what is posted to an SSE session and is %s is refused as JSON-RPC', async (_what, body, code) => {
  const sse = await openSse(world.gateway.url, world.token)
  const answer = await ask('POST', sse.path, JSON_TYPE, body)
  sse.close()
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { jsonrpc: '2.0', error: { code } }])
})

test('an id that is under way in an SSE session is refused until its call has ended', async () => {
  const sse = await openSse(world.gateway.url, world.token)
  const call = (name: string): Promise<{ status: number }> => {
    const params = { name, arguments: {} }
    return ask(
      'POST',
      sse.path,
      JSON_TYPE,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    )
  }
  expect((await call('sample_hold')).status).toBe(202)
  expect((await call('sample_echo')).status).toBe(400)
  const params = { requestId: 1 }
  const cancel = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
  expect((await ask('POST', sse.path, JSON_TYPE, cancel)).status).toBe(202)
  await eventually(async () => (await call('sample_echo')).status === 202, { what: 'the id to be free' })
  sse.close()
})

describe('a caller that goes away in the middle of a call', () => {
  const held = (count: number): Promise<unknown> =>
    eventually(() => world.upstream.state.holding === count, { what: `${count} calls under way` })

  test.each([
    ['REST', 'application/json'],
    ['REST with events', 'text/event-stream'],
  ])('over %s cancels it upstream, and the record says so', async (face, accept) => {
    const abort = new AbortController()
    const requestId = `gone-${face.replaceAll(' ', '-')}`
    const call = fetch(`${world.gateway.url}/v1/tools/sample_hold`, {
      method: 'POST',
      headers: { ...JSON_TYPE, accept, authorization: `Bearer ${world.token}`, 'x-request-id': requestId },
      body: '{}',
      signal: abort.signal,
    })
    await held(1)
    abort.abort()
    await expect(call).rejects.toThrow('aborted')
    await held(0)
    expect(await world.recordOf(requestId)).toMatchObject({
      outcome: 'cancelled',
      code: 'cancelled',
      face: 'rest',
    })
  })

  test('over Streamable HTTP of 2026-07-28 cancels it upstream, and the record says so', async () => {
    const abort = new AbortController()
    const call = modernClient(world.gateway.url, world.token).request(
      'tools/call',
      { name: 'sample_hold', arguments: {} },
      { signal: abort.signal, headers: { 'x-request-id': 'gone-modern' } },
    )
    await held(1)
    abort.abort()
    await expect(call).rejects.toThrow('aborted')
    await held(0)
    expect(await world.recordOf('gone-modern')).toMatchObject({ outcome: 'cancelled' })
  })

  test('by closing its SSE stream cancels it upstream, and the record says so', async () => {
    const client = await connectClient('sse', world.gateway.url, world.token, {
      headers: { 'x-request-id': 'gone-sse' },
    })
    const call = client.callTool({ name: 'sample_hold', arguments: {} }).catch(() => 'gone')
    await held(1)
    await client.close()
    expect(await call).toBe('gone')
    await held(0)
    const record = await world.recordOf('gone-sse')
    expect(record).toMatchObject({ outcome: 'cancelled', face: 'sse' })
  })

  test('by deleting its session cancels it upstream, and the record says so', async () => {
    const client = await legacyClient(world.gateway.url, world.token)
    const headers = { 'x-request-id': 'gone-session' }
    const call = client.request('tools/call', { name: 'sample_hold', arguments: {} }, { headers })
    await held(1)
    await ask('DELETE', '/mcp', { 'mcp-session-id': client.sessionId ?? '' })
    expect((await call).text).not.toContain('"result"')
    await held(0)
    expect(await world.recordOf('gone-session')).toMatchObject({ outcome: 'cancelled' })
  })
})

describe('over REST', () => {
  test.each([
    ['GET', '/v1/tools/..%2f..%2fetc%2fpasswd', 404],
    ['GET', '/v1/tools/%2e%2e%2fhealth', 404],
    ['GET', '/v1/tools/%252e%252e%252f', 404],
    ['GET', '/v1/tools/%00', 404],
    ['GET', '/v1/tools/__proto__', 404],
    ['GET', '/v1/tools/%ff', 400],
    ['GET', `/v1/tools/${'x'.repeat(8000)}`, 404],
    ['POST', '/v1/tools/sample_echo%00', 404],
    ['POST', '/v1/prompts/..%2f', 404],
    ['GET', '/v1/resources?uri=file:///etc/passwd%00', 404],
    ['GET', '/v1/tools?limit=1e9', 400],
    ['GET', '/v1/tools?limit=2&limit=3', 400],
    ['GET', '/mcp/..%2f..%2f', 404],
  ])('%s %s is %d as a problem, and reads no file', async (method, path, status) => {
    const answer = await ask(method, path, JSON_TYPE, method === 'POST' ? '{}' : undefined)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch(/^application\/(problem\+)?json/)
    expect(answer.text).not.toMatch(/root:|node_modules|\/src\//)
    expect(answer.text.length).toBeLessThan(1000)
  })

  test('query parameters that nobody declared, and those that look like members of objects, are refused', async () => {
    const { status } = await ask('GET', '/v1/tools?nothing=1&__proto__[a]=1&constructor[prototype][a]=1')
    expect(status).toBe(400)
    expect(({} as Fields)['a']).toBeUndefined()
  })

  test('headers that proxies set decide nothing', async () => {
    const foreign = await world.gateway.token({ tenantId: 'third', roles: [] })
    const headers = {
      authorization: `Bearer ${foreign}`,
      'x-tenant-id': 'local',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-http-method-override': 'DELETE',
      'x-roles': 'operator,auditor',
    }
    expect((await ask('GET', '/v1/audit', headers)).status).toBe(403)
    expect((await ask('GET', '/v1/tools', headers)).status).toBe(200)
    const refused = await ask('GET', '/v1/tools', { ...headers, authorization: 'Bearer none' })
    expect(refused.headers.get('www-authenticate')).not.toContain('evil')
  })

  test.each(['a b', 'a,b', '<script>', 'x'.repeat(65), '%0d%0aset-cookie:a=b', 'é'])(
    'the request id %j is replaced',
    async (requestId) => {
      const answer = await ask('GET', '/v1/tools', { 'x-request-id': requestId })
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
      expect(answer.headers.get('set-cookie')).toBeNull()
    },
  )
})
