import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Clock, systemClock } from '../../src/domain/clock.ts'
import { eventually } from '../support/eventually.ts'
import { initialize, MODERN, withEnvelope } from '../support/raw-mcp.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

let app: TestApp
let token: string
/** Refusals that wait, which go out when the test says so. */
const held: (() => void)[] = []

beforeAll(async () => {
  const hidden = { transport: 'streamable-http', url: 'http://127.0.0.1:9/', requiredRoles: ['nobody'] }
  const clock: Clock = {
    ...systemClock,
    at: (_instant, task) => void held.push(task),
    // The head of a stream waits 50 ms for a quick answer: here as long as the test takes.
    after: (delayMs, task) => (delayMs === 50 ? () => undefined : systemClock.after(delayMs, task)),
  }
  app = await openTestApp({ hidden }, { clock })
  token = await app.token({ roles: ['reader', 'operator'] })
})
afterAll(() => app.close())

function send(
  path: string,
  method = 'GET',
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

function modern(path: string, method: string, params: Record<string, unknown>): Promise<Response> {
  const named = params['name'] ?? params['uri']
  const headers = {
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
    ...(typeof named === 'string' && { 'mcp-name': named }),
  }
  return send(path, 'POST', { jsonrpc: '2.0', id: 1, method, params: withEnvelope(params) }, headers)
}

/** The answer of `sent`, which must wait until it is let go. */
async function whenLetGo(sent: Promise<string>): Promise<string> {
  let hasCome = false
  void sent.finally(() => (hasCome = true))
  await eventually(() => held.length > 0 || hasCome)
  // The gateway has time for another request meanwhile.
  expect((await send('/v1/whoami')).status).toBe(200)
  expect([held.length, hasCome]).toEqual([1, false])
  for (const letGo of held.splice(0)) letGo()
  return sent
}

const textOf = async (response: Promise<Response>): Promise<string> => (await response).text()

test.each<[what: string, ask: (name: string) => Promise<Response>]>([
  ['a call over REST', (name) => send(`/v1/tools/${name}_say`, 'POST', { arguments: {} })],
  ['the description of a tool', (name) => send(`/v1/tools/${name}_say`)],
  ['a prompt over REST', (name) => send(`/v1/prompts/${name}_ask`, 'POST', { arguments: {} })],
  ['the health of a server', (name) => send(`/health/${name}`)],
  ['one server', (name) => modern(`/mcp/${name}`, 'tools/list', {})],
  ['one server over HTTP with SSE', (name) => send(`/sse/${name}`)],
  ['a call', (name) => modern('/mcp', 'tools/call', { name: `${name}_say`, arguments: {} })],
  ['a prompt', (name) => modern('/mcp', 'prompts/get', { name: `${name}_ask` })],
  ['a resource', (name) => modern('/mcp', 'resources/read', { uri: `a:${name}` })],
])(
  '%s that is denied, and one that does not exist, is refused at its instant and not before',
  async (_what, ask) => {
    const denied = await whenLetGo(textOf(ask('hidden')))
    const unknown = await whenLetGo(textOf(ask('absent')))
    expect(denied).toMatch(/_not_found/)
    const same = (text: string): string =>
      text.replaceAll(/hidden|absent/g, 'it').replace(/"requestId":"[^"]*"/, '')
    expect(same(denied)).toBe(same(unknown))
  },
)

test('a session that does not exist is refused at its instant and not before', async () => {
  const session = { 'mcp-session-id': 'a'.repeat(32) }
  const refused = send('/mcp', 'POST', { jsonrpc: '2.0', id: 1, method: 'tools/list' }, session)
  expect(await whenLetGo(textOf(refused))).toMatch(/session_not_found/)
})

test('a call in a session is refused at its instant and not before, the head of its response included', async () => {
  const opened = await send('/mcp', 'POST', initialize(0))
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
  await opened.text()
  const params = { name: 'hidden_say', arguments: {} }
  const refused = send('/mcp', 'POST', { jsonrpc: '2.0', id: 1, method: 'tools/call', params }, session)
  expect(await whenLetGo(refused.then(({ status }) => String(status)))).toBe('200')
  const response = await refused
  expect(await response.text()).toMatch(/tool_not_found/)
  // As where the answer comes later than the head.
  expect(response.headers.get('content-length')).toBeNull()
})

test('a refusal ends at once where its client has gone', async () => {
  const gone = new AbortController()
  const { promise, resolve } = Promise.withResolvers<unknown>()
  fetch(`${app.url}/v1/tools/absent_say`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
    signal: gone.signal,
  }).catch(resolve)
  await eventually(() => held.length === 1)
  expect(app.calls.inFlight).toBe(1)
  gone.abort()
  await promise
  await eventually(() => app.calls.inFlight === 0)
  held.splice(0)
})
