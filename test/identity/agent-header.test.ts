import { expect, test } from '@jest/globals'
import { narrowAgent } from '../../src/identity/agent-header.ts'
import type { VerifiedToken } from '../../src/identity/claims/claims.ts'

const trusting =
  (...tenants: string[]) =>
  (tenantId: string): boolean =>
    tenants.includes(tenantId)

function tokenOf(agent: string | undefined, agents: readonly string[] = []): VerifiedToken {
  const principal = {
    tenantId: 'acme',
    subject: 'ada',
    agent,
    roles: ['reader'],
    scopes: [],
    issuer: 'https://idp.example',
    expiresAtMs: 1_800_000_000_000,
  }
  return { principal, agents }
}

test('leaves the principal as it is without a header, or with its own name', () => {
  const token = tokenOf('planner')
  expect(narrowAgent(token, undefined, trusting())).toBe(token.principal)
  expect(narrowAgent(token, 'planner', trusting())).toBe(token.principal)
})

test('narrows to an agent that the token lists, and changes nothing else', () => {
  const token = tokenOf('planner', ['helper'])
  expect(narrowAgent(token, 'helper', trusting())).toEqual({ ...token.principal, agent: 'helper' })
})

test.each(['stranger', '', 'helper, stranger', 'HELPER'])(
  'refuses %j, which the token does not list',
  (header) => {
    expect(() => narrowAgent(tokenOf('planner', ['helper']), header, trusting('globex'))).toThrow(
      expect.objectContaining({ code: 'agent_not_allowed' }),
    )
  },
)

test('gives no agent to a token without one', () => {
  expect(() => narrowAgent(tokenOf(undefined), 'planner', trusting())).toThrow(
    expect.objectContaining({ code: 'agent_not_allowed' }),
  )
})

test('believes any plain name of a trusted tenant', () => {
  expect(narrowAgent(tokenOf(undefined), 'stranger', trusting('acme')).agent).toBe('stranger')
})

test.each(['', 'two, names', 'control\u0007', 'a'.repeat(257)])(
  'refuses %j of a trusted tenant too',
  (header) => {
    expect(() => narrowAgent(tokenOf('planner'), header, trusting('acme'))).toThrow(
      expect.objectContaining({ code: 'agent_not_allowed' }),
    )
  },
)
