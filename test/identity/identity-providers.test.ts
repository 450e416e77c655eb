import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import type { Settings } from '../../src/config/settings.ts'
import { TokenVerifier } from '../../src/identity/token-verifier.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createLocalJWKSet, type JWTPayload } from 'jose'
import { newSigningKey, sign, type SigningKey } from '../support/identity-provider.ts'

let key: SigningKey

beforeAll(async () => {
  key = await newSigningKey('first', 'RS256')
})

afterAll(() => undefined)

/** The settings that the guide of a provider prints. */
async function settingsOf(provider: string): Promise<Settings> {
  const guide = await readFile(
    new URL(`../../docs/identity-providers/${provider}.md`, import.meta.url),
    'utf8',
  )
  const block = /```sh\n(.*?)```/s.exec(guide)?.[1] ?? ''
  const env = block
    .trim()
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
  return loadSettings({ DATA_DIR: '/tmp/none', ...Object.fromEntries(env) })
}

async function verify(
  provider: string,
  claims: JWTPayload,
  header: Record<string, unknown> = {},
): Promise<unknown> {
  const { issuers, publicUrl } = await settingsOf(provider)
  const keys = createLocalJWKSet({ keys: [key.jwk] })
  const verifier = new TokenVerifier({
    issuers: issuers.map((settings) => ({ settings, keys: { key: (head, token) => keys(head, token) } })),
    clock: systemClock,
    publicUrl,
  })
  const now = Math.floor(Date.now() / 1000)
  const token = await sign(key, { iat: now, exp: now + 3600, ...claims }, header)
  const { principal } = await verifier.verify(token)
  const { tenantId, subject, agent, roles, scopes } = principal
  return { tenantId, subject, agent, roles, scopes }
}

const KEYCLOAK = {
  jti: 'onrtac:5f2c2f6b',
  iss: 'https://keycloak.example/realms/acme',
  aud: ['https://gateway.example', 'account'],
  sub: '0a7d1b2c-3d4e-5f60-7182-93a4b5c6d7e8',
  typ: 'Bearer',
  azp: 'code-assistant',
  sid: 'a1b2',
  acr: '1',
  realm_access: { roles: ['reader', 'offline_access', 'uma_authorization'] },
  resource_access: { account: { roles: ['view-profile'] } },
  scope: 'openid profile tools.read',
  preferred_username: 'ann',
}

const ENTRA = {
  aud: '99999999-8888-7777-6666-555555555555',
  iss: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
  azp: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
  azpacr: '0',
  name: 'Ann',
  oid: 'b0b0b0b0-0000-0000-0000-000000000000',
  roles: ['reader'],
  scp: 'access',
  sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
  tid: '11111111-2222-3333-4444-555555555555',
  ver: '2.0',
}

const AUTH0 = {
  'https://gateway.example/roles': ['reader'],
  'https://gateway.example/tenant': 'globex',
  iss: 'https://acme.eu.auth0.com/',
  sub: 'auth0|65f0c0ffee',
  aud: ['https://gateway.example', 'https://acme.eu.auth0.com/userinfo'],
  azp: 'Xy1ZabCdEf',
  scope: 'openid profile tools.read',
  permissions: ['read:files'],
}

const OKTA = {
  ver: 1,
  jti: 'AT.abc',
  iss: 'https://acme.okta.com/oauth2/default',
  aud: 'https://gateway.example',
  cid: '0oa1example',
  uid: '00u1example',
  scp: ['openid', 'tools.read'],
  sub: 'ann@example.com',
  roles: ['mcp-readers', 'mcp-writers'],
  tenant_id: 'acme',
}

const GOOGLE = {
  iss: 'https://accounts.google.com',
  azp: '1234567890-abc.apps.googleusercontent.com',
  aud: '1234567890-abc.apps.googleusercontent.com',
  sub: '110169484474386276334',
  hd: 'example.com',
  email: 'ann@example.com',
  email_verified: true,
}

describe('with the configuration of its guide, a token', () => {
  test.each([
    [
      'keycloak',
      KEYCLOAK,
      {},
      {
        tenantId: 'acme',
        subject: '0a7d1b2c-3d4e-5f60-7182-93a4b5c6d7e8',
        agent: 'code-assistant',
        roles: ['reader', 'offline_access', 'uma_authorization'],
        scopes: ['openid', 'profile', 'tools.read'],
      },
    ],
    [
      'entra',
      ENTRA,
      {},
      {
        tenantId: 'acme',
        subject: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
        agent: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
        roles: ['reader'],
        scopes: ['access'],
      },
    ],
    [
      'auth0',
      AUTH0,
      { typ: 'JWT' },
      {
        tenantId: 'globex',
        subject: 'auth0|65f0c0ffee',
        agent: 'Xy1ZabCdEf',
        roles: ['reader'],
        scopes: ['openid', 'profile', 'tools.read'],
      },
    ],
    [
      'okta',
      OKTA,
      {},
      {
        tenantId: 'acme',
        subject: 'ann@example.com',
        agent: '0oa1example',
        roles: ['mcp-readers', 'mcp-writers'],
        scopes: ['openid', 'tools.read'],
      },
    ],
    [
      'google',
      GOOGLE,
      { typ: 'JWT' },
      {
        tenantId: 'acme',
        subject: '110169484474386276334',
        agent: '1234567890-abc.apps.googleusercontent.com',
        roles: [],
        scopes: [],
      },
    ],
  ])('of %s is one of its principal', async (provider, claims, header, principal) => {
    expect(await verify(provider, claims, header)).toEqual(principal)
  })

  test.each([
    ['another Google Workspace', 'google', { ...GOOGLE, hd: 'evil.example' }, 'hd'],
    ['a Google account of nobody', 'google', { ...GOOGLE, hd: undefined }, 'hd'],
    ['another application of the directory', 'entra', { ...ENTRA, aud: 'other' }, 'audience'],
    ['another directory', 'entra', { ...ENTRA, iss: ENTRA.iss.replace('1111', '2222') }, 'issuer'],
    ['another tenant of Auth0', 'auth0', { ...AUTH0, 'https://gateway.example/tenant': 'initech' }, 'tenant'],
    [
      'a tenant that is not named where there are several',
      'auth0',
      { ...AUTH0, 'https://gateway.example/tenant': undefined },
      'tenant',
    ],
    [
      'another realm of Keycloak',
      'keycloak',
      { ...KEYCLOAK, iss: 'https://keycloak.example/realms/master' },
      'issuer',
    ],
  ])('of %s is refused', async (_what, provider, claims, reason) => {
    await expect(verify(provider, claims)).rejects.toMatchObject({
      code: 'invalid_token',
      message: expect.stringContaining(reason),
    })
  })
})
