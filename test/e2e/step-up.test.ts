import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { openConversation } from '../support/raw-conversation.ts'
import { postMcp, rawClient } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

const PUBLIC_URL = 'https://gateway.example'
const MESSAGE = 'The tool a_echo requires a token with the scope tools.echo tools.more'
const CALL = { name: 'a_echo', arguments: { x: 1 } }
let provider: IdentityProvider
let key: SigningKey
let upstream: HttpUpstream
let gateway: TestGateway
let narrow: string

beforeAll(async () => {
  provider = await IdentityProvider.start()
  key = await newSigningKey('first')
  provider.keys = [key.jwk]
  upstream = await modernHttp()
  const server = { tenantId: '*', transport: 'streamable-http', url: upstream.url }
  gateway = await startTestGateway(
    {
      a: { ...server, tools: { echo: { scopes: ['tools.echo', 'tools.more'] } } },
      admins: { ...server, tools: { echo: { scopes: ['tools.echo'], requiredRoles: ['admin'] } } },
    },
    { env: { OIDC_ISSUER: provider.url, OIDC_AUDIENCE: 'api://gateway', PUBLIC_URL } },
  )
  narrow = await tokenWith('profile')
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
  await provider[Symbol.asyncDispose]()
})

function tokenWith(scope: string, claims: Record<string, unknown> = {}): Promise<string> {
  return signFor(provider, key, { aud: 'api://gateway', scope, ...claims })
}

describe('a tool call whose token lacks a scope', () => {
  test.each(['legacy', 'modern'] as const)(
    'of a %s client over Streamable HTTP is refused with a 403 whose challenge has what is needed',
    async (era) => {
      const client = await rawClient(era, gateway.url, narrow)
      const answer = await client.request('tools/call', CALL, { id: 7 })
      expect([answer.status, answer.message]).toEqual([
        403,
        {
          jsonrpc: '2.0',
          id: 7,
          error: {
            code: -31011,
            message: MESSAGE,
            data: {
              code: 'insufficient_scope',
              retryable: false,
              mayHaveExecuted: false,
              scopes: ['tools.echo', 'tools.more'],
            },
          },
        },
      ])
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", error_description="${MESSAGE}", scope="tools.echo tools.more profile", resource_metadata="${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp"`,
      )
    },
  )

  test('at the address of one server is refused with the metadata of that address', async () => {
    const client = await rawClient('modern', gateway.url, narrow, '/mcp/a')
    const answer = await client.request('tools/call', { name: 'echo', arguments: {} })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain(
      `resource_metadata="${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp/a"`,
    )
  })

  test.each([
    [
      '/v1/tools/a_echo',
      { arguments: {} },
      { code: 'insufficient_scope', scopes: ['tools.echo', 'tools.more'] },
    ],
    ['/mcp/a/tools/call', { name: 'echo' }, { error: { data: { code: 'insufficient_scope' } } }],
  ])('at %s is refused likewise', async (path, sent, expected) => {
    const { status, headers, body } = await gateway.rest(narrow, 'POST', path, sent)
    expect([status, body]).toMatchObject([403, expected])
    expect(headers.get('www-authenticate')).toContain('scope="tools.echo tools.more profile"')
  })

  test.each(['sse', 'websocket', 'modern-websocket'] as const)(
    'over %s is refused with an error of MCP that names the scopes',
    async (kind) => {
      const client = await openConversation(kind, gateway.url, narrow)
      const { error } = await client.call(1, 'tools/call', CALL)
      expect(error).toMatchObject({
        code: -31011,
        message: MESSAGE,
        data: { code: 'insufficient_scope', scopes: ['tools.echo', 'tools.more'] },
      })
      await client.close()
    },
  )

  test('never reaches the server, and is recorded as denied by that rule', async () => {
    const before = upstream.seen.length
    const token = await tokenWith('', { sub: 'recorded' })
    const client = await rawClient('modern', gateway.url, token)
    expect((await client.request('tools/call', CALL)).status).toBe(403)
    expect(upstream.seen.length).toBe(before)
    const auditor = await tokenWith('', { roles: ['auditor'] })
    const records = await eventually(async () => {
      const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?subject=recorded')
      const found = body['records'] as Record<string, unknown>[]
      return found.length > 0 && found
    })
    expect(records).toMatchObject([
      { outcome: 'denied', ruleId: 'tool-scopes', code: 'insufficient_scope', face: 'streamable-http' },
    ])
  })

  test('is answered as that of an unknown tool where a role is missing, too', async () => {
    const client = await rawClient('modern', gateway.url, narrow)
    const denied = await client.request('tools/call', { name: 'admins_echo', arguments: {} })
    const unknown = await client.request('tools/call', { name: 'admins_none', arguments: {} })
    expect(denied.text.replace('admins_echo', 'admins_none')).toBe(unknown.text.replace('"id":2', '"id":1'))
    expect([denied.status, denied.headers.get('www-authenticate')]).toEqual([unknown.status, null])
  })

  test('runs with a token that has the scopes', async () => {
    const client = await rawClient('modern', gateway.url, await tokenWith('tools.more tools.echo'))
    const answer = await client.request('tools/call', CALL)
    expect([answer.status, answer.message.error]).toEqual([200, undefined])
  })
})

test('without an authorization server the challenge does not lead to a sign-in', async () => {
  const local = await startTestGateway(
    {
      a: { transport: 'streamable-http', url: upstream.url, tools: { echo: { scopes: ['x'] } } },
    },
    { env: { OAUTH_SERVER: 'off' } },
  )
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: CALL }
  const answer = await postMcp(local.url, await local.token(), call)
  await local.close()
  expect(answer.status).toBe(403)
  expect(answer.headers.get('www-authenticate')).toBe(
    'Bearer error="insufficient_scope", error_description="The tool a_echo requires a token with the scope x", scope="x"',
  )
})
