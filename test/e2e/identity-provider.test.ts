import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { IdentityProvider, newSigningKey, sign, type SigningKey } from '../support/identity-provider.ts'
import { initialize, MODERN, postMcp, withEnvelope } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let provider: IdentityProvider
let key: SigningKey
let gateway: TestGateway

beforeAll(async () => {
  provider = await IdentityProvider.start()
  key = await newSigningKey('first')
  provider.keys = [key.jwk]
  gateway = await startTestGateway(
    { shared: { ...everything, tenantId: '*', requiredRoles: ['reader'] } },
    {
      env: {
        LOCAL_ISSUER: 'off',
        OIDC_ISSUER: provider.url,
        OIDC_AUDIENCE: 'https://gateway.example',
        OIDC_TENANTS: 'acme,globex',
        CLAIM_ROLES: 'realm_access.roles',
      },
    },
  )
})

afterAll(async () => {
  await gateway.close()
  await provider[Symbol.asyncDispose]()
})

function token(claims: Record<string, unknown> = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return sign(key, {
    iss: provider.url,
    aud: 'https://gateway.example',
    sub: 'ann',
    tenant_id: 'acme',
    realm_access: { roles: ['reader'] },
    iat: now,
    exp: now + 600,
    ...claims,
  })
}

test('tokens of the identity provider are accepted, with their claims under configured names', async () => {
  const { status, body } = await gateway.rest(await token(), 'GET', '/v1/tools?limit=1')
  expect([status, (body['tools'] as { server: string }[])[0]?.server]).toEqual([200, 'shared'])
})

test.each([
  ['for another audience', { aud: 'https://other.example' }, /audience/],
  ['of another issuer', { iss: 'https://other.example' }, /issuer/],
  ['that have expired', { exp: Math.floor(Date.now() / 1000) - 60 }, /expired/],
  ['for a tenant that the issuer may not name', { tenant_id: 'initech' }, /tenant/],
])('tokens %s are refused, and the problem says so', async (_which, claims, detail) => {
  const { status, body } = await gateway.rest(await token(claims), 'GET', '/v1/tools')
  expect(status).toBe(401)
  expect(body).toMatchObject({ code: 'invalid_token', detail: expect.stringMatching(detail) })
})

test('the metadata leads clients to the identity provider', async () => {
  const { body } = await gateway.rest(undefined, 'GET', '/.well-known/oauth-protected-resource')
  expect(body).toMatchObject({ resource: gateway.url, authorization_servers: [provider.url] })
})

test('there is no local issuer beside it', () => {
  expect(gateway.gateway.localIssuer).toBeUndefined()
})

const listen = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'subscriptions/listen',
  params: withEnvelope({ notifications: { toolsListChanged: true } }),
})

test.each([
  ['an SSE stream', ['GET /sse HTTP/1.1']],
  [
    'a listen stream',
    [
      'POST /mcp HTTP/1.1',
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      `mcp-protocol-version: ${MODERN}`,
      'mcp-method: subscriptions/listen',
      `content-length: ${listen.length}`,
    ],
    listen,
  ],
])(
  'a client that gave up while its token was verified leaves no session: %s',
  async (_what, head, body = '') => {
    await using slow = await IdentityProvider.start()
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
    slow.answerKeys = (_request, response) =>
      void mayAnswer.then(() => response.end(JSON.stringify({ keys: [key.jwk] })))
    const own = await startTestGateway(
      {},
      {
        env: {
          LOCAL_ISSUER: 'off',
          OIDC_ISSUER: slow.url,
          OIDC_AUDIENCE: 'https://gateway.example',
          OIDC_TENANTS: 'acme',
          MAX_SESSIONS_PER_PRINCIPAL: '1',
        },
      },
    )
    try {
      const bearer = await token({ iss: slow.url })
      const { hostname, port } = new URL(own.url)
      const socket = connect(Number(port), hostname)
      socket.write([...head, 'host: localhost', `authorization: Bearer ${bearer}`, '', body].join('\r\n'))
      await eventually(() => slow.countOf('/keys') === 1)
      socket.destroy()
      // By its answer the gateway has read that the connection before is gone.
      await fetch(`${own.url}/healthz`)
      answer()
      await own.rest(bearer, 'GET', '/v1/tools')
      expect((await postMcp(own.url, bearer, initialize(1))).status).toBe(200)
    } finally {
      await own.close()
    }
  },
)
