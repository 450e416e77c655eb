import { describe, expect, test } from '@jest/globals'
import { loadSettings, SettingsError } from '../../src/config/load.ts'

const problemsOf = (env: Record<string, string>): SettingsError['problems'] => {
  try {
    loadSettings(env)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}
const namesOf = (env: Record<string, string>): string[] => problemsOf(env).map(({ name }) => name)

const CLOUD = {
  HOST: '0.0.0.0',
  PUBLIC_URL: 'https://tools.example.com/',
  OIDC_ISSUER: 'https://id.example.com/',
}

test('settings cannot be changed, at any depth', () => {
  const settings = loadSettings(CLOUD)
  expect(
    [settings, settings.allowedHosts, settings.issuers, settings.issuers[0]?.claims].map(Object.isFrozen),
  ).toEqual([true, true, true, true])
})

test('an identity provider is described by settings with defaults', () => {
  const settings = loadSettings(CLOUD)
  expect([settings.localIssuer, settings.publicUrl]).toEqual([false, 'https://tools.example.com'])
  expect(settings.allowedHosts).toEqual(['localhost', '127.0.0.1', '[::1]', 'tools.example.com'])
  expect(settings.issuers).toEqual([
    {
      issuer: 'https://id.example.com/',
      audience: 'https://tools.example.com',
      tenants: '*',
      algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA'],
      claims: { tenant: 'tenant_id', roles: 'roles', scope: 'scope', agent: 'agent', agents: 'agents' },
      maxTokenHours: 24,
    },
  ])
})

test('several identity providers take what they leave out from the settings for one', () => {
  const settings = loadSettings({
    CLAIM_ROLES: 'groups',
    OIDC_AUDIENCE: 'gateway',
    OIDC_ISSUER: 'https://a.example.com',
    OIDC_JWKS_URL: 'https://a.example.com/keys',
    OIDC_TENANTS: 'acme, globex',
    OIDC_ALGORITHMS: 'ES256',
    OIDC_ISSUERS: JSON.stringify([
      { issuer: 'https://b.example.com', tenants: ['initech'] },
      {
        issuer: 'https://c.example.com',
        audience: 'other',
        jwksUrl: 'http://127.0.0.1:9/keys',
        tenants: '*',
        algorithms: ['RS256'],
        claims: { tenant: 'org' },
        maxTokenHours: 168,
      },
    ]),
  })
  const claims = { tenant: 'tenant_id', roles: 'groups', scope: 'scope', agent: 'agent', agents: 'agents' }
  expect(settings.issuers).toEqual([
    {
      issuer: 'https://a.example.com',
      audience: 'gateway',
      jwksUrl: 'https://a.example.com/keys',
      tenants: ['acme', 'globex'],
      algorithms: ['ES256'],
      claims,
      maxTokenHours: 24,
    },
    {
      issuer: 'https://b.example.com',
      audience: 'gateway',
      tenants: ['initech'],
      algorithms: ['ES256'],
      claims,
      maxTokenHours: 24,
    },
    {
      issuer: 'https://c.example.com',
      audience: 'other',
      jwksUrl: 'http://127.0.0.1:9/keys',
      tenants: '*',
      algorithms: ['RS256'],
      claims: { ...claims, tenant: 'org' },
      maxTokenHours: 168,
    },
  ])
})

test('with Firestore it is told the database, and nobody has to be named who issues tokens', () => {
  const settings = loadSettings({
    STORE: 'firestore',
    GOOGLE_CLOUD_PROJECT: 'demo',
    OIDC_AUDIENCE: 'gateway',
  })
  expect(settings).toMatchObject({
    store: 'firestore',
    firestore: { projectId: 'demo', databaseId: '(default)' },
    localIssuer: false,
    issuers: [],
    issuerDefaults: { audience: 'gateway' },
  })
})

test('lists and words are read as they are documented', () => {
  const settings = loadSettings({
    METRICS_PORT: 'off',
    LOG_FORMAT: 'json',
    DATA_DIR: '/var/lib/gateway',
    ALLOWED_HOSTS: 'Tools.Example.com, [::1],',
    ALLOWED_ORIGINS: 'app.example.com',
    TRUST_AGENT_HEADER: 'acme,globex',
    HOST: '::1',
    PORT: '0',
  })
  expect(settings).toMatchObject({
    metricsPort: undefined,
    logFormat: 'json',
    registryFile: '/var/lib/gateway/registry.yaml',
    allowedHosts: ['tools.example.com', '[::1]'],
    allowedOrigins: ['app.example.com'],
    trustAgentHeader: ['acme', 'globex'],
    localIssuer: true,
    publicUrl: 'http://[::1]:0',
  })
})

describe('problems', () => {
  test('all are reported at once, each with its name, what is expected and what was there', () => {
    expect(problemsOf({ PORT: '70000', CALL_TIMEOUT_MS: '1m', LOG_LEVEL: 'loud', STORE: 'redis' })).toEqual([
      { name: 'PORT', expected: 'an integer from 0 to 65535', got: '70000' },
      { name: 'STORE', expected: 'one of `file`, `firestore`', got: 'redis' },
      { name: 'CALL_TIMEOUT_MS', expected: 'an integer from 1 to 300000', got: '1m' },
      {
        name: 'LOG_LEVEL',
        expected: 'one of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`',
        got: 'loud',
      },
    ])
  })

  test('the message has a line for each', () => {
    expect(() => loadSettings({ PORT: '-1', METRICS_PORT: 'no' })).toThrow(
      new SettingsError([
        { name: 'PORT', expected: 'an integer from 0 to 65535', got: '-1' },
        { name: 'METRICS_PORT', expected: 'an integer from 0 to 65535, or `off`', got: 'no' },
      ]),
    )
    expect(
      new SettingsError([
        { name: 'PORT', expected: 'a port' },
        { name: 'HOST', expected: 'x', got: 'y' },
      ]).message,
    ).toBe('PORT: expected a port\nHOST: expected x, got "y"')
  })

  test('a single wrong value and a wrong combination come together', () => {
    expect(namesOf({ PORT: 'x', HOST: '10.0.0.1', LOCAL_ISSUER: 'on' })).toEqual(['PORT', 'LOCAL_ISSUER'])
  })

  test('a value that may hold a password is not repeated', () => {
    const text = JSON.stringify([
      ...problemsOf({ OIDC_ISSUER: 'https://me:hunter2@id.example.com' }),
      ...problemsOf({
        OIDC_ISSUERS: '[{"issuer":"https://me:hunter2@id.example.com","tenants":["hunter2 x"]}]',
      }),
      ...problemsOf({ OIDC_ISSUERS: '{"hunter2' }),
      ...problemsOf({ PORT: 'hunter2-and-something-that-looks-like-a-token' }),
    ])
    expect(text).toContain('OIDC_ISSUER')
    expect(text).not.toContain('hunter2')
  })

  test.each([
    ['PORT', '8080.5'],
    ['PORT', '0x10'],
    ['HOST', 'not a host'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['PUBLIC_URL', 'https://example.com?x=1'],
    ['PUBLIC_URL', 'https://example.com#x'],
    ['DATA_DIR', 'a\0b'],
    ['DEFAULT_TENANT', 'Not A Tenant'],
    ['DEFAULT_TENANT', '*'],
    ['ALLOWED_HOSTS', 'https://example.com'],
    ['ALLOWED_HOSTS', ','],
    ['OIDC_ISSUER', 'http://id.example.com'],
    ['OIDC_ISSUER', 'id.example.com'],
    ['TRUST_AGENT_HEADER', '*'],
    ['MAX_BODY_BYTES', '10'],
    ['CALL_TIMEOUT_MS', '300001'],
    ['START_CONCURRENCY', '0'],
    ['AUDIT_RETENTION_DAYS', '0'],
    ['LOCAL_ISSUER', 'yes'],
    ['GOOGLE_CLOUD_PROJECT', 'no project'],
    ['FIRESTORE_DATABASE', 'No'],
    ['REGISTRY_PROBE_MS', '10'],
  ])('%s may not be %j', (name, text) => {
    expect(namesOf({ [name]: text })).toEqual([name])
  })

  test.each([
    ['OIDC_ALGORITHMS', 'HS256'],
    ['OIDC_ALGORITHMS', 'none'],
    ['OIDC_TENANTS', '*,acme'],
    ['OIDC_TENANTS', 'A'],
    ['OIDC_JWKS_URL', 'http://keys.example.com'],
  ])('%s of an identity provider may not be %j', (name, text) => {
    expect(namesOf({ OIDC_ISSUER: 'https://id.example.com', [name]: text })).toEqual([name])
  })

  test('parts of a JSON value are named by their path', () => {
    const OIDC_ISSUERS = JSON.stringify([
      { issuer: 'x', claims: { rolls: 'r' } },
      { issuer: 'https://b.example.com', tenants: [] },
    ])
    expect(problemsOf({ OIDC_ISSUERS })).toEqual([
      {
        name: 'OIDC_ISSUERS[0].issuer',
        expected: 'expected an https URL (http only on loopback) without user name, password and fragment',
      },
      { name: 'OIDC_ISSUERS[0].tenants', expected: 'missing, expected "*" or array' },
      { name: 'OIDC_ISSUERS[0].claims', expected: 'unknown field "rolls"' },
      { name: 'OIDC_ISSUERS[1].tenants', expected: 'expected array to have >=1 items' },
    ])
    expect(problemsOf({ OIDC_ISSUERS: '[' })).toEqual([
      {
        name: 'OIDC_ISSUERS',
        expected:
          'a JSON array of `{issuer, audience?, jwksUrl?, tenants, algorithms?, claims?, signIn?, rolesFromText?, requiredClaims?, maxTokenHours?}` (not valid JSON)',
      },
    ])
  })
})
