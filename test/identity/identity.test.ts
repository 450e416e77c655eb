import { expect, test } from '@jest/globals'
import { identityOf } from '../../src/identity/identity.ts'

const IDENTITY = {
  principal: {
    tenantId: 'acme',
    subject: 'ada',
    agent: undefined,
    roles: [],
    scopes: [],
    issuer: 'https://idp.example',
    expiresAtMs: 0,
  },
  requestId: 'r-1',
}

test('the sender of a request is whom its authentication found, and nobody before', () => {
  expect(() => identityOf({ locals: {} })).toThrow(expect.objectContaining({ code: 'missing_token' }))
  expect(identityOf({ locals: { identity: IDENTITY } })).toBe(IDENTITY)
})
