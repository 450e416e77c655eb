import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { echoed } from '../support/hostile-world.ts'
import { legacyClient, modernClient, postMcp } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, listen, modernHttp } from '../support/upstreams/sample-http.ts'

/*
 * One test for each published weakness of another gateway, proxy or SDK that this gateway could have had: what it
 * guarantees instead.
 */

let gateway: TestGateway
let upstream: HttpUpstream
/** Where requests go that somebody else asked for. */
let attacker: HttpUpstream
const others: HttpUpstream[] = []
let token: string

beforeAll(async () => {
  upstream = await modernHttp()
  attacker = await listen((_request, response) => response.writeHead(200).end('{}'))
  others.push(
    await listen((_request, response) => response.writeHead(307, { location: attacker.url }).end()),
    await listen((_request, response) => {
      const metadata = attacker.url.replace('/mcp', '/.well-known/oauth-protected-resource')
      const challenge = `Bearer resource_metadata="${metadata}"`
      response.writeHead(401, { 'www-authenticate': challenge }).end()
    }),
  )
  const http = (url = ''): Record<string, unknown> => ({ transport: 'streamable-http', url })
  const secret = { headers: { authorization: 'Bearer canary-credential' } }
  gateway = await startTestGateway(
    {
      sample: { ...http(upstream.url), tenantId: '*' },
      locked: { ...http(upstream.url), requiredRoles: ['operator'] },
      redirecting: { ...http(others[0]?.url), ...secret },
      wanting: { ...http(others[1]?.url), ...secret },
    },
    { wait: false },
  )
  await eventually(() => gateway.gateway.statuses().filter(({ state }) => state === 'ready').length === 2, {
    what: 'the two servers that answer',
  })
  token = await gateway.token()
})

afterAll(async () => {
  await gateway.close()
  for (const each of [upstream, attacker, ...others]) await each.close()
})

/** One request as bytes that `fetch` would not send. */
function send(
  path: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(gateway.url)
    const request = httpRequest({ hostname, port, path, method, headers }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const calls = (): number =>
  upstream.seen.filter(({ headers }) => headers['mcp-method'] === 'tools/call').length

test('CVE-2026-46519, mcp-server-kubernetes: a tool that is not listed cannot be called, and is as unknown as any', async () => {
  const client = modernClient(gateway.url, token)
  const listed = JSON.stringify((await client.request('tools/list')).message)
  expect(listed).toContain('sample_echo')
  expect(listed).not.toContain('locked_echo')
  const before = calls()
  const hidden = await client.request('tools/call', { name: 'locked_echo', arguments: {} }, { id: 1 })
  const unknown = await client.request('tools/call', { name: 'locked_none', arguments: {} }, { id: 1 })
  expect(hidden.message.error).toMatchObject({ code: -32602, message: 'Unknown tool: locked_echo' })
  expect(hidden.text.replaceAll('locked_echo', 'X')).toBe(unknown.text.replaceAll('locked_none', 'X'))
  expect(calls()).toBe(before)
})

test('CVE-2026-25536, the TypeScript SDK: clients that use the same ids at the same time get their own answers', async () => {
  const foreign = await gateway.token({ tenantId: 'other', subject: 'bob' })
  const clients = [token, foreign].flatMap((each) => [
    modernClient(gateway.url, each),
    modernClient(gateway.url, each),
  ])
  clients.push(await legacyClient(gateway.url, token), await legacyClient(gateway.url, foreign))
  const rounds = [0, 1, 2].flatMap((round) => clients.map((client, who) => ({ client, who, round })))
  const answers = await Promise.all(
    rounds.map(async ({ client, who, round }) => {
      const asked = { name: 'sample_echo', arguments: { who, round } }
      return echoed((await client.request('tools/call', asked, { id: 100 + round })).message.result)
    }),
  )
  expect(answers).toEqual(rounds.map(({ who, round }) => ({ who, round })))
})

test('CVE-2026-33946, the Ruby SDK: the session of another principal is as unknown as one that never was', async () => {
  const { sessionId = '' } = await legacyClient(gateway.url, token)
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
  const as = async (subject: string, id: string): Promise<string> => {
    const thief = await gateway.token({ subject })
    const { status, text } = await postMcp(gateway.url, thief, ping, { headers: { 'mcp-session-id': id } })
    return `${status} ${text.replaceAll(/"requestId":"[^"]*"/g, '')}`
  }
  expect(await as('bob', sessionId)).toBe(await as('bob', 'A'.repeat(sessionId.length)))
  expect(await as('bob', sessionId)).toMatch(/^404 .*session_not_found/)
  expect(await as('ann', sessionId)).toMatch(/^200 /)
})

const LISTS = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }

test.each([
  ['CVE-2025-66414, the TypeScript SDK', { host: 'attacker.example' }],
  ['CVE-2025-66416, the Python SDK', { host: 'attacker.example:80', origin: 'http://attacker.example' }],
  ['CVE-2025-64443, Docker MCP Gateway', { host: '127.0.0.1.attacker.example' }],
  ['CVE-2026-34742, the Go SDK', { origin: 'http://attacker.example' }],
  ['CVE-2025-49596, MCP Inspector', { origin: 'null' }],
])('%s: a page of another host gets nothing at any path, even with a token: %j', async (_whose, given) => {
  const { host } = new URL(gateway.url)
  const headers = {
    host,
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...given,
  }
  for (const path of ['/mcp', '/messages?sessionId=x', '/v1/tools/sample_echo'])
    expect([path, (await send(path, { headers, body: JSON.stringify(LISTS) })).status]).toEqual([path, 403])
  for (const path of ['/sse', '/v1/tools', '/v1/servers', '/ws'])
    expect([path, (await send(path, { method: 'GET', headers })).status]).toEqual([path, 403])
})

test.each([
  [
    'CVE-2026-48710, Starlette',
    { host: 'localhost', 'x-forwarded-host': 'localhost', 'x-original-url': '/healthz' },
  ],
  ['CVE-2026-48710, Starlette', { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-prefix': '/healthz' }],
  ['GHSA-g53w-w6mj-hrpp, MCP Gateway', { 'router-key': 'secret-api-key', 'mcp-init-host': 'api.example' }],
  ['GHSA-g53w-w6mj-hrpp, MCP Gateway', { 'x-mcp-authorized': 'e30', 'x-tenant-id': 'local' }],
])('%s: no header stands for a token: %j', async (_whose, given) => {
  const { host } = new URL(gateway.url)
  const headers = {
    host,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...given,
  }
  for (const path of ['/mcp', '/mcp/sample', '/v1/tools/sample_echo', '/v1/servers'])
    expect([path, (await send(path, { headers, body: JSON.stringify(LISTS) })).status]).toEqual([path, 401])
})

test('CVE-2026-33032, nginx-ui: every operation of the API needs a token but those that say so', async () => {
  const { body } = await gateway.rest(token, 'GET', '/v1/openapi.json')
  const paths = body['paths'] as Record<string, Record<string, { security?: unknown[] }>>
  const open: string[] = []
  for (const [path, operations] of Object.entries(paths))
    for (const method of Object.keys(operations)) {
      const url = path.replaceAll(/\{[^}]*\}/g, 'x')
      const { status } = await send(url, {
        method: method.toUpperCase(),
        headers: { 'content-type': 'application/json' },
        body: ['post', 'put', 'patch'].includes(method) ? '{}' : '',
      })
      if (status !== 401) open.push(`${method} ${path} ${status}`)
    }
  expect(open).toEqual([])
})

test.each([
  ['CVE-2026-42271, LiteLLM', '/v1/servers'],
  ['CVE-2026-30623, LiteLLM', '/v1/servers/check'],
  ['CVE-2026-30617, LangChain-Chatchat', '/v1/servers/install'],
])('%s: a caller without a role for it cannot have a command run: %s', async (_whose, path) => {
  const document = {
    name: 'evil',
    transport: 'stdio',
    command: 'touch',
    args: [`${gateway.dataDir}/touched`],
  }
  const { status } = await gateway.rest(token, 'POST', path, document).catch(() => ({ status: 404 }))
  expect([403, 404, 405]).toContain(status)
  expect(JSON.stringify(gateway.gateway.statuses())).not.toContain('evil')
})

test('CVE-2026-27896, the Go SDK: names of members count in their case alone, and the decision is on what is executed', async () => {
  const headers = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'locked_echo',
  }
  const before = calls()
  for (const body of [
    '{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","Params":{"name":"locked_echo"}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","paramſ":{"name":"locked_echo"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sample_echo","name":"locked_echo","Name":"sample_echo"}}',
  ]) {
    const plain = await postMcp(gateway.url, token, body)
    const named = await postMcp(gateway.url, token, body, { headers })
    expect([plain.message.result, named.message.result]).toEqual([undefined, undefined])
  }
  expect(calls()).toBe(before)
})

test('CVE-2026-29791, agentgateway: what a caller writes into names and arguments stays in the body of the request', async () => {
  const text = 'a\r\nX-Injected: yes\r\n\r\n../../admin?x=1#'
  const { message } = await modernClient(gateway.url, token).request('tools/call', {
    name: 'sample_echo',
    arguments: { text },
  })
  expect(echoed(message.result)).toEqual({ text })
  for (const id of ['sample_echo%0d%0aX-Injected:%20yes', '..%2f..%2fmcp', 'sample_echo%3fx=1'])
    expect((await gateway.rest(token, 'POST', `/v1/tools/${id}`, {})).status).toBe(404)
  expect(upstream.seen.filter(({ headers }) => 'x-injected' in headers)).toEqual([])
})

test('GHSA-6prh-2h8m-c8cw, the TypeScript SDK: a server that redirects gets no request, header or secret elsewhere', async () => {
  await eventually(() => (others[0]?.seen.length ?? 0) > 0, { what: 'a request that was redirected' })
  const { message } = await modernClient(gateway.url, token, '/mcp/redirecting').request('tools/list')
  expect(JSON.stringify(message)).not.toContain('canary-credential')
  expect(attacker.seen).toEqual([])
})

test('GHSA-6qxp-vccf-f47h, the TypeScript SDK: a server that names another authorization server sends nothing there', async () => {
  await eventually(() => (others[1]?.seen.length ?? 0) > 0, { what: 'a request that was refused' })
  const { message } = await modernClient(gateway.url, token, '/mcp/wanting').request('tools/list')
  expect(JSON.stringify(message)).not.toContain('canary-credential')
  expect(attacker.seen).toEqual([])
})
