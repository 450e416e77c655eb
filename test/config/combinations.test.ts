import { expect, test } from '@jest/globals'
import { loadSettings, SettingsError } from '../../src/config/load.ts'

const namesOf = (env: Record<string, string>): string[] => {
  try {
    loadSettings(env)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems.map(({ name }) => name)
    throw error
  }
  return []
}

const CLOUD = {
  HOST: '0.0.0.0',
  PUBLIC_URL: 'https://tools.example.com/',
  OIDC_ISSUER: 'https://id.example.com/',
}

test.each<[string, Record<string, string>, string[]]>([
  ['a local issuer off loopback', { ...CLOUD, LOCAL_ISSUER: 'on' }, ['LOCAL_ISSUER']],
  ['no issuer at all elsewhere', { HOST: '10.1.2.3' }, ['OIDC_ISSUER']],
  [
    'a wildcard host without a public URL',
    { HOST: '::', OIDC_ISSUER: 'https://id.example.com' },
    ['PUBLIC_URL'],
  ],
  ['a key set without its issuer', { OIDC_JWKS_URL: 'https://id.example.com/keys' }, ['OIDC_JWKS_URL']],
  ['metrics on the port of the gateway', { METRICS_PORT: '8080' }, ['METRICS_PORT']],
  [
    'one issuer twice',
    {
      OIDC_ISSUER: 'https://id.example.com',
      OIDC_TENANTS: 'acme',
      OIDC_ISSUERS: '[{"issuer":"https://id.example.com","tenants":["globex"]}]',
    },
    ['OIDC_ISSUERS'],
  ],
  [
    'several issuers, one for every tenant by default',
    {
      OIDC_ISSUER: 'https://a.example.com',
      OIDC_ISSUERS: '[{"issuer":"https://b.example.com","tenants":["globex"]}]',
    },
    ['OIDC_TENANTS'],
  ],
  ['Firestore without its project', { STORE: 'firestore' }, ['GOOGLE_CLOUD_PROJECT']],
  [
    'what only Firestore needs beside the file',
    { FIRESTORE_DATABASE: 'tools', REGISTRY_PROBE_MS: '500' },
    ['FIRESTORE_DATABASE', 'REGISTRY_PROBE_MS'],
  ],
  [
    'a registry file beside Firestore',
    { STORE: 'firestore', GOOGLE_CLOUD_PROJECT: 'demo', REGISTRY_FILE: 'r.yaml' },
    ['REGISTRY_FILE'],
  ],
  [
    'a place for secrets beside Secret Manager',
    { SECRETS_PROJECT: 'demo', SECRETS_FILE: 's.yaml', SECRETS_ENV: 'acme_KEY' },
    ['SECRETS_FILE', 'SECRETS_ENV'],
  ],
  ['what only Secret Manager needs', { SECRETS_PREFIX: 'gw-' }, ['SECRETS_PREFIX']],
])('%s is a problem', (_case, env, names) => {
  expect(namesOf(env)).toEqual(names)
})

test.each<[string, Record<string, string>]>([
  [
    'the local issuer beside an identity provider',
    { LOCAL_ISSUER: 'on', OIDC_ISSUER: 'https://id.example.com' },
  ],
  ['both ports chosen by the system', { PORT: '0', METRICS_PORT: '0' }],
  ['a wildcard host with a public URL', CLOUD],
  [
    'only OIDC_ISSUERS',
    { LOCAL_ISSUER: 'off', OIDC_ISSUERS: '[{"issuer":"https://b.example.com","tenants":"*"}]' },
  ],
  [
    'no issuer but those that the tenants of the file may name, with what holds for them, when somebody says so',
    {
      HOST: '10.1.2.3',
      LOCAL_ISSUER: 'off',
      OIDC_AUDIENCE: 'https://tools.example.com',
      CLAIM_ROLES: 'groups',
    },
  ],
  ['the claim names of tenants beside the local issuer', { CLAIM_ROLES: 'groups' }],
  ['a file of secrets and variables', { SECRETS_FILE: 's.yaml', SECRETS_ENV: 'acme_KEY' }],
  ['a project in the environment of the file', { GOOGLE_CLOUD_PROJECT: 'demo' }],
  [
    'the local issuer for trying out Firestore on loopback',
    { STORE: 'firestore', GOOGLE_CLOUD_PROJECT: 'demo', LOCAL_ISSUER: 'on' },
  ],
])('%s is fine', (_case, env) => {
  expect(namesOf(env)).toEqual([])
})
