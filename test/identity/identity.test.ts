import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, test } from '@jest/globals'
import { identityOf, setIdentity } from '../../src/identity/identity.ts'

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

test('a request is known by what its authentication found, and by nothing before', () => {
  const request = new IncomingMessage(new Socket())
  expect(() => identityOf(request)).toThrow(expect.objectContaining({ code: 'missing_token' }))
  setIdentity(request, IDENTITY)
  expect(identityOf(request)).toBe(IDENTITY)
  expect(() => identityOf(new IncomingMessage(new Socket()))).toThrow(
    expect.objectContaining({ code: 'missing_token' }),
  )
})
