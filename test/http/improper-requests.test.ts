import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { initialize, MODERN } from '../support/raw-mcp.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

type Fields = Record<string, string>

let app: TestApp
let token: string

beforeAll(async () => {
  app = await openTestApp({ sample: { transport: 'stdio', command: 'node', enabled: false } })
  token = await app.token({ roles: ['reader', 'operator'] })
})

afterAll(() => app.close())

async function ask(
  method: string,
  path: string,
  headers: Fields = {},
  body?: string | Buffer,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(app.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { body }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** A request with headers that `fetch` would not send. */
function askRaw(path: string, headers: Record<string, string | string[]>): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const { hostname, port } = new URL(app.url)
  const host = new URL(app.url).host
  const fields = { host, authorization: `Bearer ${token}`, ...headers }
  const sent = Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().flatMap((each) => [name, each]),
  )
  httpRequest({ hostname, port, path, headers: sent }, (answer) => {
    answer.resume()
    resolve(answer.statusCode)
  })
    .on('error', reject)
    .end()
  return promise
}

const JSON_TYPE = { 'content-type': 'application/json' }
const BOTH = { ...JSON_TYPE, accept: 'application/json, text/event-stream' }

describe('what is not a proper request', () => {
  test.each([
    ['a header of 20 kB', { ...BOTH, 'x-large': 'a'.repeat(20_000) }, 431],
    ['another content type', { ...BOTH, 'content-type': 'text/plain' }, 415],
    ['a form', { ...BOTH, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['JSON in UTF-16', { ...BOTH, 'content-type': 'application/json; charset=utf-16' }, 400],
    ['no type for streams in Accept', { ...JSON_TYPE, accept: 'application/json' }, 406],
    ['a foreign origin', { ...BOTH, origin: 'https://evil.example' }, 403],
    ['the origin null', { ...BOTH, origin: 'null' }, 403],
    ['an origin that is none', { ...BOTH, origin: '::::' }, 403],
  ])('is refused: %s', async (_what, headers, status) => {
    expect((await ask('POST', '/mcp', headers, JSON.stringify(initialize(1)))).status).toBe(status)
  })

  test.each(['evil.example', '127.0.0.1.evil.example', 'evil.example:80', 'localhost@evil.example', ':80'])(
    'is refused: the host %j',
    async (host) => {
      expect(await askRaw('/v1/tools', { host })).toBe(403)
    },
  )

  test('is refused: a target that names another host than the header, and served is one that names ours', async () => {
    expect(await askRaw('http://evil.example/v1/tools', {})).toBe(403)
    expect(await askRaw('http://127.0.0.1:1/v1/tools', {})).toBe(200)
  })

  test('is refused: a body without a content type, a compressed one, and one of 5 MB', async () => {
    const text = Buffer.from(JSON.stringify(initialize(1)))
    expect((await ask('POST', '/mcp', { accept: BOTH.accept }, text)).status).toBe(415)
    const packed = await ask('POST', '/mcp', { ...BOTH, 'content-encoding': 'gzip' }, gzipSync(text))
    expect(packed.status).toBe(415)
    const large = await ask('POST', '/mcp', BOTH, `{"a":"${'x'.repeat(5 * 1024 * 1024)}"}`)
    expect([large.status, JSON.parse(large.text)]).toMatchObject([413, { error: { code: -32600 } }])
  })

  test('is refused: more than 100 header fields; 90 of no meaning change nothing', async () => {
    const fields = (count: number): Fields =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'v']))
    expect((await ask('GET', '/v1/tools', fields(90))).status).toBe(200)
    expect((await ask('GET', '/v1/tools', fields(101))).status).toBe(431)
  })

  test.each([
    ['host', ['localhost', 'evil.example']],
    ['authorization', ['Bearer a', 'Bearer b']],
    ['content-type', ['application/json', 'text/plain']],
  ])('is refused: the header %s twice', async (name, values) => {
    expect(await askRaw('/v1/tools', { [name]: values })).toBe(400)
  })

  test('answers are for their caller only, and must not be cached', async () => {
    for (const path of ['/v1/tools', '/v1/servers', '/health', '/nothing']) {
      expect((await ask('GET', path)).headers.get('cache-control')).toBe('private, no-store')
    }
  })

  test.each(['GET', 'DELETE'])('%s without a session is 400, and of 2026-07-28 405', async (method) => {
    expect((await ask(method, '/mcp', { accept: 'text/event-stream' })).status).toBe(400)
    const modern = await ask(method, '/mcp', { 'mcp-protocol-version': MODERN })
    expect([modern.status, modern.headers.get('allow')]).toEqual([405, 'POST'])
  })

  test.each(['PUT', 'PATCH', 'OPTIONS'])('%s is 405 on every MCP path', async (method) => {
    for (const path of ['/mcp', '/mcp/sample', '/sse', '/sse/sample', '/messages']) {
      expect([path, (await ask(method, path)).status]).toEqual([path, 405])
    }
  })
})
