import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { initialize, postMcp } from '../support/raw-mcp.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

const ORIGIN = 'http://localhost:6274'
const PATHS = [
  '/mcp',
  '/mcp/sample',
  '/sse',
  '/messages',
  '/v1/tools',
  '/v1/servers',
  '/health',
  '/healthz',
  '/nothing',
]
let app: TestApp

beforeAll(async () => {
  app = await openTestApp({})
})

afterAll(() => app.close())

function preflight(path: string, origin: string): Promise<Response> {
  return fetch(app.url + path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,mcp-session-id',
    },
  })
}

test.each(PATHS)('a page on localhost may ask %s, before it has a token', async (path) => {
  const answer = await preflight(path, ORIGIN)
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, ORIGIN])
})

test.each(PATHS)('a page of another origin may not ask %s', async (path) => {
  const answer = await preflight(path, 'https://evil.example')
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null])
})

test('a page can read the session of its initialize, and why it was refused', async () => {
  const headers = { origin: ORIGIN }
  const opened = await postMcp(app.url, await app.token(), initialize(0), { headers })
  expect([opened.status, opened.headers.get('access-control-allow-origin')]).toEqual([200, ORIGIN])
  expect(opened.headers.get('access-control-expose-headers')).toContain('Mcp-Session-Id')
  const refused = await postMcp(app.url, 'abc', initialize(0), { headers })
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, ORIGIN])
})

test.each([
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
  '/.well-known/none',
])('a page of any origin can read %s', async (path) => {
  const asked = await preflight(path, 'https://app.example')
  expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
  const answer = await fetch(app.url + path, { headers: { origin: 'https://app.example' } })
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
})

test.each(['/mcp', '/mcp/sample', '/sse', '/sse/sample', '/ws'])(
  'HEAD %s opens nothing and ends at once',
  async (path) => {
    const answer = await fetch(app.url + path, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${await app.token()}` },
    })
    expect([answer.status, answer.headers.get('allow')]).toEqual([
      405,
      path.startsWith('/mcp') ? 'POST, GET, DELETE' : 'GET',
    ])
  },
)
