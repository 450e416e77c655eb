import { describe, expect, test } from '@jest/globals'
import type { JWTPayload } from 'jose'
import { readClaims } from '../../src/identity/claims/claims.ts'
import type { ClaimNames, IssuerSettings } from '../../src/config/issuers.ts'

function issuer(
  changes: Partial<Omit<IssuerSettings, 'claims'>> & { claims?: Partial<ClaimNames> } = {},
): IssuerSettings {
  return {
    issuer: 'https://idp.example',
    audience: 'gateway',
    tenants: '*',
    algorithms: ['ES256'],
    maxTokenHours: 24,
    ...changes,
    claims: {
      tenant: 'tenant_id',
      roles: 'roles',
      scope: 'scope',
      agent: 'agent',
      agents: 'agents',
      ...changes.claims,
    },
  }
}

const TOKEN: JWTPayload & Record<string, unknown> = { sub: 'ada', tenant_id: 'acme', exp: 1_800_000_000 }

test('reads everything that decides what a caller may do', () => {
  const payload = { ...TOKEN, roles: ['reader'], scope: 'a b', agent: 'planner', agents: ['helper'] }
  expect(readClaims(payload, issuer())).toEqual({
    principal: {
      tenantId: 'acme',
      subject: 'ada',
      agent: 'planner',
      roles: ['reader'],
      scopes: ['a', 'b'],
      issuer: 'https://idp.example',
      expiresAtMs: 1_800_000_000_000,
    },
    agents: ['helper'],
  })
})

test('grants nothing that the token does not say', () => {
  expect(readClaims(TOKEN, issuer())).toMatchObject({
    principal: { roles: [], scopes: [], agent: undefined },
    agents: [],
  })
})

describe('tenant', () => {
  test.each([
    ['missing', undefined],
    ['a list', ['acme']],
    ['in capitals', 'Acme'],
    ['a prototype name', '__proto__'],
    ['a path', '../b'],
    ['all tenants', '*'],
    ['empty', ''],
    ['longer than 63 characters', 'a'.repeat(64)],
    ['ending in a line break', 'acme\n'],
  ])('refuses a token whose tenant is %s', (_what, tenant) => {
    expect(() => readClaims({ ...TOKEN, tenant_id: tenant }, issuer())).toThrow(
      expect.objectContaining({ code: 'invalid_token', message: 'The token names no valid tenant.' }),
    )
  })

  test('refuses a tenant that is not one of the issuer', () => {
    expect(() => readClaims({ ...TOKEN, tenant_id: 'globex' }, issuer({ tenants: ['acme'] }))).toThrow(
      expect.objectContaining({
        code: 'invalid_token',
        message: 'The issuer of the token may not name this tenant.',
      }),
    )
    expect(readClaims(TOKEN, issuer({ tenants: ['acme'] })).principal.tenantId).toBe('acme')
  })
})

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['longer than 256 characters', 'a'.repeat(257)],
])('refuses a token whose subject is %s', (_what, sub) => {
  const { sub: _sub, ...rest } = TOKEN
  expect(() => readClaims(sub === undefined ? rest : { ...rest, sub }, issuer())).toThrow(
    expect.objectContaining({ code: 'invalid_token', message: 'The token names no valid subject.' }),
  )
})

describe('roles', () => {
  test.each([
    ['an empty string', ''],
    ['one string', 'admin'],
    ['a number', 1],
    ['nested', [['admin']]],
    ['of mixed types', ['admin', 1]],
    ['an object', { admin: true }],
    ['more than 256', Array.from({ length: 10_000 }, (_, index) => `role-${index}`)],
  ])('that are %s count as none', (_what, roles) => {
    expect(readClaims({ ...TOKEN, roles }, issuer()).principal.roles).toEqual([])
  })

  test('may have the names of built-in properties, and count once', () => {
    const roles = ['__proto__', 'constructor', 'constructor']
    expect(readClaims({ ...TOKEN, roles }, issuer()).principal.roles).toEqual(['__proto__', 'constructor'])
  })

  test('cannot be changed by whoever gets them', () => {
    const { principal } = readClaims({ ...TOKEN, roles: ['reader'] }, issuer())
    expect(Object.isFrozen(principal.roles)).toBe(true)
    expect(Object.isFrozen(principal)).toBe(true)
  })
})

test.each([
  ['a string with spaces', ' read  write ', ['read', 'write']],
  ['a list', ['read', 'write'], ['read', 'write']],
  ['anything else', 5, []],
])('reads scopes from %s', (_what, scope, scopes) => {
  expect(readClaims({ ...TOKEN, scope }, issuer()).principal.scopes).toEqual(scopes)
})

describe('agent', () => {
  test.each([
    ['agent', { agent: 'a', client_id: 'b', azp: 'c' }, 'a'],
    ['client_id', { client_id: 'b', azp: 'c' }, 'b'],
    ['azp', { azp: 'c' }, 'c'],
    ['client_id after a null agent', { agent: null, client_id: 'b' }, 'b'],
  ])('is taken from %s', (_what, claims, agent) => {
    expect(readClaims({ ...TOKEN, ...claims }, issuer()).principal.agent).toBe(agent)
  })

  test('is none when its claim is no name, whatever the client id', () => {
    expect(readClaims({ ...TOKEN, agent: ['a'], client_id: 'b' }, issuer()).principal.agent).toBeUndefined()
  })

  test.each(['helper', { helper: true }])('lists count as empty when they are %j', (agents) => {
    expect(readClaims({ ...TOKEN, agents }, issuer()).agents).toEqual([])
  })
})

describe('claim names', () => {
  test('may be paths into nested claims', () => {
    const payload = { ...TOKEN, realm_access: { roles: ['reader'] } }
    const settings = issuer({ claims: { roles: 'realm_access.roles' } })
    expect(readClaims(payload, settings).principal.roles).toEqual(['reader'])
  })

  test('with dots mean the claim of that very name first', () => {
    const payload = {
      ...TOKEN,
      'https://x.example/roles': ['writer'],
      'https://x': { 'example/roles': ['reader'] },
    }
    const settings = issuer({ claims: { roles: 'https://x.example/roles' } })
    expect(readClaims(payload, settings).principal.roles).toEqual(['writer'])
  })

  test.each(['roles.0', 'missing.roles', 'constructor.name', '__proto__.roles'])(
    'find nothing at %s',
    (name) => {
      const payload = { ...TOKEN, roles: ['reader'] }
      expect(readClaims(payload, issuer({ claims: { roles: name } })).principal.roles).toEqual([])
    },
  )
})
