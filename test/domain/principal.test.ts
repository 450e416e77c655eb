import { describe, expect, test } from '@jest/globals'
import {
  accessKey,
  ALL_TENANTS,
  type Principal,
  principalKey,
  TENANT_ID,
} from '../../src/domain/principal.ts'

const ALICE: Principal = {
  tenantId: 'acme',
  subject: 'alice',
  agent: 'desk',
  roles: ['a', 'b'],
  scopes: ['s', 't'],
  issuer: 'https://id.example.com',
  expiresAtMs: 5,
}

test('the tenant of everybody cannot be named by a token', () => {
  expect(TENANT_ID.test(ALL_TENANTS)).toBe(false)
  expect(['acme', '0', 'a-b'].every((id) => TENANT_ID.test(id))).toBe(true)
  expect(['', 'A', '../b', '__proto__', 'a'.repeat(64), 'a\n'].some((id) => TENANT_ID.test(id))).toBe(false)
})

describe('keys', () => {
  test('do not depend on the order of roles and scopes, nor on the lifetime', () => {
    const same = { ...ALICE, roles: ['b', 'a'], scopes: ['t', 's'], expiresAtMs: 9 }
    expect(principalKey(same)).toBe(principalKey(ALICE))
    expect(accessKey(same)).toBe(accessKey(ALICE))
  })

  test.each<[string, Partial<Principal>]>([
    ['tenant', { tenantId: 'globex' }],
    ['agent', { agent: undefined }],
    ['roles', { roles: ['a'] }],
    ['scopes', { scopes: [] }],
    ['roles that hold a separator', { roles: ['a,b'] }],
  ])('are other ones with another %s', (_what, change) => {
    expect(accessKey({ ...ALICE, ...change })).not.toBe(accessKey(ALICE))
    expect(principalKey({ ...ALICE, ...change })).not.toBe(principalKey(ALICE))
  })

  test('of equal rights are the same for different people, who stay different principals', () => {
    for (const other of [
      { ...ALICE, subject: 'bob' },
      { ...ALICE, issuer: 'https://other.example.com' },
    ]) {
      expect(accessKey(other)).toBe(accessKey(ALICE))
      expect(principalKey(other)).not.toBe(principalKey(ALICE))
    }
  })
})
