import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import {
  errorOf,
  headersOf,
  mcpRequest,
  METADATA,
  restRequest,
  send,
  type Sent,
  withHeaders,
  without,
} from './requests.ts'

let app: TestApp
let token: string

beforeAll(async () => {
  app = await openTestApp({ off: { transport: 'stdio', command: 'node', enabled: false } })
  token = await app.token()
})

afterAll(() => app.close())

describe.each([
  ['REST', restRequest, METADATA],
  ['MCP', mcpRequest, `${METADATA}/mcp`],
] as const)('a refusal over %s', (face, sound, metadata) => {
  test.each([
    [
      'without a token',
      (sent: Sent) => without(sent, 'authorization'),
      `Bearer resource_metadata="${metadata}"`,
    ],
    [
      'with a token that is none',
      (sent: Sent) => withHeaders(sent, { authorization: 'Bearer x' }),
      `Bearer error="invalid_token", error_description="The token is not a well-formed JWT.", resource_metadata="${metadata}"`,
    ],
    ['of another kind', (sent: Sent) => withHeaders(sent, { host: 'evil.example' }), undefined],
  ])('%s challenges where a token would help', async (_what, spoil, challenge) => {
    expect((await send(app, spoil(sound(token)))).headers['www-authenticate']).toBe(challenge)
  })

  test.each([
    ['401', (sent: Sent) => without(sent, 'authorization')],
    ['403', (sent: Sent) => withHeaders(sent, { host: 'evil.example' })],
    ['415', (sent: Sent) => withHeaders(sent, { 'content-type': 'text/plain' })],
    ['400', (sent: Sent) => ({ ...sent, body: '{' })],
  ])(
    'with %s has the id of the request, a type that is not to be guessed, and is not to be kept',
    async (status, spoil) => {
      const answer = await send(app, withHeaders(spoil(sound(token)), { 'x-request-id': 'r-1' }))
      expect(answer.status).toBe(Number(status))
      expect(answer.headers).toMatchObject({
        'x-request-id': 'r-1',
        'cache-control': 'private, no-store',
        'x-content-type-options': 'nosniff',
        'content-type':
          face === 'REST' ? 'application/problem+json; charset=utf-8' : 'application/json; charset=utf-8',
      })
      expect(answer.headers['x-powered-by']).toBeUndefined()
      expect(answer.headers['etag']).toBeUndefined()
    },
  )

  test.each([
    [
      '200 levels of JSON',
      `{"a":${'['.repeat(200)}${']'.repeat(200)}}`,
      'The body nests more than 128 levels deep',
    ],
    ['JSON that is no object', '3', 'The body is not valid JSON'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'The body is not valid UTF-8'],
  ])('of %s says so', async (_what, body, message) => {
    const [status, code, said] = errorOf(await send(app, { ...sound(token), body }))
    expect([status, code, said]).toEqual([400, 'invalid_request', message])
  })

  test('of a body with an encoding says so', async () => {
    const answer = await send(app, withHeaders(sound(token), { 'content-encoding': 'gzip' }))
    expect(errorOf(answer)).toEqual([
      415,
      'unsupported_media_type',
      'The content encoding of the body is "gzip"; send the body without an encoding',
    ])
  })
})

test('an error of MCP has the id of the request that it is about, where that could be read', async () => {
  const body = '{"jsonrpc":"2.0","id":7,"method":"tools/list"}'
  expect((await send(app, { ...mcpRequest(token), body })).body).toEqual({
    jsonrpc: '2.0',
    id: 7,
    error: {
      code: -32600,
      message: 'Mcp-Session-Id is missing, and the request is not initialize',
      data: { code: 'invalid_request', retryable: false },
    },
  })
  expect((await send(app, { ...mcpRequest(token), body: '{' })).body).toMatchObject({
    id: null,
    error: { code: -32700 },
  })
})

test.each([
  ['patch', '/mcp', 'POST, GET, DELETE'],
  ['put', '/mcp/off', 'POST, GET, DELETE'],
  ['post', '/sse', 'GET'],
  ['delete', '/ws', 'GET'],
  ['get', '/messages', 'POST'],
  ['delete', '/v1/tools', 'GET'],
  ['put', '/v1/tools/x', 'GET, POST'],
  ['post', '/v1/resources', 'GET'],
  ['post', '/v1/prompts', 'GET'],
  ['get', '/v1/prompts/x', 'POST'],
  ['post', '/v1/pipelines', 'GET'],
  ['patch', '/v1/pipelines/x', 'GET, POST, PUT, DELETE'],
  ['post', '/v1/pipelines/runs/x', 'GET, DELETE'],
  ['put', '/v1/enhance', 'GET, POST'],
  ['put', '/ollama/enhance', 'GET, POST'],
  ['post', '/v1/audit', 'GET'],
  ['post', '/v1/caches', 'GET, DELETE'],
  ['post', '/v1/servers/x', 'GET, PUT, DELETE'],
  ['post', '/servers/x', 'GET, PUT, DELETE'],
  ['get', '/v1/servers/x/start', 'POST'],
  ['get', '/v1/servers/x/stop', 'POST'],
  ['get', '/v1/servers/x/restart', 'POST'],
  ['get', '/v1/servers/x/inspect', 'POST'],
  ['post', '/v1/servers/x/logs', 'GET'],
  ['head', '/v1/servers/x/logs', 'GET'],
  ['post', '/health', 'GET'],
  ['post', '/health/off', 'GET'],
] as const)('%s %s is not allowed, and the answer names what is', async (method, path, allow) => {
  const { 'content-type': _type, ...headers } = headersOf(token)
  const answer = await send(app, { method, path, headers })
  expect([answer.status, answer.headers['allow']]).toEqual([405, allow])
})

test.each(['/healthz', '/readyz'])('the probe %s answers without a token, by any host name', async (path) => {
  const answer = await send(app, { method: 'get', path, headers: { host: '10.1.2.3:8080' } })
  expect(answer.status).toBe(200)
})

test('a gateway that stops is not ready, and refuses new calls and sessions with the time to come back', async () => {
  const stopping = await openTestApp({})
  try {
    const ofStopping = await stopping.token()
    stopping.lifecycle.stopAccepting()
    stopping.mcp.sessions.stopAccepting()
    await stopping.calls.drain()
    const ready = await send(stopping, { method: 'get', path: '/readyz', headers: {} })
    expect([ready.status, ready.body]).toEqual([503, { status: 'not ready', missing: ['stopping'] }])
    for (const sent of [restRequest(ofStopping), mcpRequest(ofStopping)]) {
      const answer = await send(stopping, sent)
      const retryAfter = answer.headers['retry-after']
      expect([...errorOf(answer).slice(0, 2), retryAfter]).toEqual([503, 'shutting_down', '1'])
    }
    const list = { method: 'get', path: '/v1/tools', headers: headersOf(ofStopping) } as const
    expect((await send(stopping, list)).status).toBe(200)
  } finally {
    await stopping.close()
  }
})
