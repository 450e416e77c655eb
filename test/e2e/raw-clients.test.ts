import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { echoed, type HostileWorld, startHostileWorld } from '../support/hostile-world.ts'
import { initialize, legacyClient, modernClient, openSse, postMcp } from '../support/raw-mcp.ts'

let world: HostileWorld

beforeAll(async () => {
  world = await startHostileWorld()
})

afterAll(() => world.close())

const post = (body: unknown, headers: Record<string, string> = {}): ReturnType<typeof postMcp> =>
  postMcp(world.gateway.url, world.token, body, { headers })

describe('an initialize that is not valid is told which part', () => {
  const params = initialize(7)['params'] as Record<string, unknown>
  test.each([
    [{ ...params, capabilities: undefined }, 'params.capabilities'],
    [{ ...params, capabilities: null }, 'params.capabilities'],
    [{ ...params, clientInfo: undefined }, 'params.clientInfo'],
    [{ ...params, clientInfo: { name: 'x' } }, 'params.clientInfo.version'],
    [{ ...params, protocolVersion: 1 }, 'params.protocolVersion'],
    [null, 'params'],
  ])('%j', async (given, part) => {
    const { status, message } = await post({ ...initialize(7), params: given })
    expect([status, message.id, message.error?.code]).toEqual([400, 7, -32602])
    expect(message.error?.message).toContain(`initialize is not valid: ${part}: `)
  })
})

describe('null in place of what may be absent means that it is', () => {
  const bare = { name: 'sample_echo', arguments: null, _meta: null } as unknown as Record<string, unknown>

  test('in a session', async () => {
    const client = await legacyClient(world.gateway.url, world.token)
    const { message } = await client.request('tools/call', bare)
    expect(echoed(message.result)).toEqual({})
    const session = { 'mcp-session-id': client.sessionId ?? '' }
    const { status } = await post({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: null }, session)
    expect(status).toBe(200)
  })

  test('without a session', async () => {
    const { message } = await modernClient(world.gateway.url, world.token).request('tools/call', {
      name: 'sample_echo',
      arguments: null,
    })
    expect(echoed(message.result)).toEqual({})
  })

  test('over HTTP with SSE', async () => {
    const session = await openSse(world.gateway.url, world.token)
    const body = { jsonrpc: '2.0', id: 1, method: 'ping', params: null }
    const { status } = await postMcp(world.gateway.url, world.token, body, { path: session.path })
    expect(status).toBe(202)
    session.close()
  })

  test.each(['/v1/tools/sample_echo', '/mcp/sample/tools/call'])('over REST at %s', async (path) => {
    const body = path.startsWith('/v1') ? { arguments: null } : { name: 'echo', arguments: null }
    const answer = await world.gateway.rest(world.token, 'POST', path, body)
    expect(answer.status).toBe(200)
    expect(echoed((answer.body['result'] ?? answer.body) as Record<string, unknown>)).toEqual({})
  })
})

describe('Accept is read as HTTP has it', () => {
  test.each([
    ['*/*', 200],
    ['application/*, text/*', 200],
    ['Application/JSON;q=0.9, TEXT/Event-Stream', 200],
    ['application/json; charset=utf-8, text/event-stream; charset=utf-8', 200],
    ['application/json', 406],
    ['application/json, text/event-stream;q=0', 406],
  ])('%s', async (accept, status) => {
    expect((await post(initialize(1), { accept })).status).toBe(status)
    const client = modernClient(world.gateway.url, world.token)
    expect((await client.request('tools/list', {}, { headers: { accept } })).status).toBe(status)
  })
})

test.each(['UTF8', 'utf8', '"UTF8"', '"utf-8"', 'UTF-8'])(
  'a body with the charset %s is read',
  async (charset) => {
    const contentType = `application/json; charset=${charset}`
    expect((await post(initialize(1), { 'content-type': contentType })).status).toBe(200)
  },
)

describe('a refusal says what came and what is expected', () => {
  test.each([
    [
      'POST',
      '/v1/tools/sample_echo',
      { 'content-type': 'text/plain' },
      415,
      'Content-Type is "text/plain"; expected application/json',
    ],
    ['PUT', '/v1/tools', {}, 405, 'The method is PUT; /v1/tools has GET'],
    [
      'POST',
      '/mcp',
      { accept: 'text/html' },
      406,
      'Accept is "text/html"; it must include application/json, text/event-stream',
    ],
  ])('%s %s', async (method, path, headers, status, detail) => {
    const body = method === 'POST' ? '{}' : undefined
    const answer = await world.gateway.rest(world.token, method, path, body, headers)
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer.body)).toContain(JSON.stringify(detail).slice(1, -1))
  })
})
