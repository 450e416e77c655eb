import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { everything } from '../support/documents.ts'
import { IdentityProvider, newSigningKey, sign, type SigningKey } from '../support/identity-provider.ts'
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
