import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

const PUBLIC_URL = 'http://127.0.0.1:8080'

let app: TestApp
let token: string

beforeAll(async () => {
  const sample = { transport: 'stdio', command: 'node', enabled: false }
  app = await openTestApp({ sample }, { env: { OAUTH_SERVER: 'off' } })
  token = await app.token()
})

afterAll(() => app.close())

describe('the token', () => {
  test('is needed, and the refusal says where to get one', async () => {
    const answer = await app.rest(undefined, 'GET', '/v1/tools')
    expect(answer).toMatchObject({
      status: 401,
      body: {
        code: 'missing_token',
        detail: 'The request has no Authorization header; send "Authorization: Bearer <token>"',
      },
    })
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${PUBLIC_URL}/.well-known/oauth-protected-resource"`,
    )
  })

  test.each([
    [
      'has expired',
      async () => expiredToken(),
      'The token has expired. Create a new one with "tool-gateway token".',
    ],
    ['is not a token', async () => 'abc', 'The token is not a well-formed JWT.'],
    [
      'comes from somebody else',
      async () => foreignToken(),
      'The token is signed with a key that its issuer does not publish. Create a new one with "tool-gateway token".',
    ],
  ])(
    'is refused when it %s, with what to do in place of a login that is not there',
    async (_what, make, detail) => {
      const answer = await app.rest(await make(), 'GET', '/v1/tools')
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token', detail } })
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer error="invalid_token", error_description="${detail.replaceAll('"', '')}"`,
      )
    },
  )

  test('is needed on every path but the probes and the metadata', async () => {
    for (const path of [
      '/mcp',
      '/mcp/sample',
      '/sse',
      '/sse/sample',
      '/ws',
      '/ws/sample',
      '/messages',
      '/v1/tools',
      '/v1/audit',
      '/v1/servers',
      '/v1/resources',
      '/v1/prompts',
      '/health',
      '/health/sample',
      '/metrics',
      '/nothing',
    ]) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const { status } = await fetch(app.url + path, { method })
        expect([method, path, status]).toEqual([method, path, 401])
      }
    }
    for (const path of [
      '/healthz',
      '/readyz',
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/mcp',
    ]) {
      expect((await fetch(app.url + path)).status).toBe(200)
    }
  })

  test('is not looked for in the query', async () => {
    const answer = await app.rest(undefined, 'GET', `/v1/tools?access_token=${token}`)
    expect(answer.status).toBe(401)
  })
})

test.each([
  ['Basic YTpi', 'The Authorization header has the scheme Basic; send "Authorization: Bearer <token>"'],
  ['Bearer', 'The Authorization header has no token after "Bearer"; send "Authorization: Bearer <token>"'],
  ['eyJhbGciOi', 'The Authorization header is not "Bearer <token>"; send "Authorization: Bearer <token>"'],
])('the refusal of the header %j says what came and what is expected', async (authorization, detail) => {
  const answer = await app.rest(undefined, 'GET', '/v1/tools', undefined, { authorization })
  expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token', detail } })
})

test.each(['/register', '/authorize', '/token'])(
  'a client that guesses an authorization server at %s gets an error that it can show to people',
  async (path) => {
    const answer = await app.rest(undefined, 'POST', path, {})
    expect(answer).toMatchObject({
      status: 404,
      body: {
        error: 'invalid_request',
        error_description:
          'This gateway has no authorization server, so clients cannot register or log in here. Send a token in the Authorization header; "tool-gateway token" creates one.',
      },
    })
  },
)

test('the protected-resource metadata names the path that was asked for as the resource', async () => {
  const { body } = await app.rest(undefined, 'GET', '/.well-known/oauth-protected-resource/mcp')
  expect(body).toEqual({
    resource: `${PUBLIC_URL}/mcp`,
    bearer_methods_supported: ['header'],
    resource_name: 'Tool Gateway',
  })
})

/** A token that this gateway's own issuer signed, and that ended an hour ago. */
async function expiredToken(): Promise<string> {
  const clock = new FakeClock(Date.now() - 2 * 3_600_000)
  const issuer = await LocalIssuer.open({ dir: app.dataDir, clock })
  return issuer.issue({ tenantId: 'local', subject: 'ann', roles: ['reader'], ttlMs: 3_600_000 })
}

/** A token like ours, but signed with the keys of another installation. */
async function foreignToken(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tool-gateway-foreign-'))
  const issuer = await LocalIssuer.open({ dir, clock: systemClock })
  await rm(dir, { recursive: true })
  return issuer.issue({ tenantId: 'local', subject: 'ann', roles: ['reader'], ttlMs: 3_600_000 })
}
