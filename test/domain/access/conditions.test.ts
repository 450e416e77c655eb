import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { decide } from '../../../src/domain/access-policy.ts'
import { conditionsOf, conditionsText } from '../../../src/domain/access/conditions.ts'
import { serverKey } from '../../../src/domain/documents/server-definition.ts'
import { anyPrincipal, anyServer, serverOf, snapshotOf, TOOLS } from '../../support/access-cases.ts'
import { soak } from '../../support/soak.ts'

test('a caller that meets the conditions is allowed, and no other is', () => {
  fc.assert(
    fc.property(anyPrincipal, anyServer, fc.constantFrom(...TOOLS), (who, definition, name) => {
      const { tenantId, isOffered, roles, agents, scopes } = conditionsOf(definition, name)
      const meets =
        isOffered &&
        (tenantId === '*' || tenantId === who.tenantId) &&
        roles.every((each) =>
          Array.isArray(each)
            ? each.some((role) => who.roles.includes(role))
            : each.allOf.every((role) => who.roles.includes(role)),
        ) &&
        (agents === undefined || (who.agent !== undefined && agents.includes(who.agent))) &&
        scopes.every((scope) => who.scopes.includes(scope))
      const target = { server: serverKey(definition), kind: 'tool', name } as const
      expect(meets).toBe(decide(who, 'call', target, snapshotOf(definition)).effect === 'allow')
    }),
    { numRuns: soak(1000, 300) },
  )
})

test.each<[object, string]>([
  [{}, 'Callers of the tenant acme.'],
  [{ tenantId: '*', requiredRoles: ['a', 'b'] }, 'Callers of every tenant with one of the roles a, b.'],
  [
    { requiredRoles: ['a'], tools: { 'read_*': { agentAllowlist: ['desk'], scopes: ['s'] } } },
    'Callers of the tenant acme with the role a, and the agent desk, and the scopes s.',
  ],
  [{ enabled: false }, 'No caller can use it.'],
  [{ tools: { exclude: ['read_file'] } }, 'No caller can use it.'],
  [{ agentAllowlist: [] }, 'No caller can use it.'],
])('%j: %s', (document, text) => {
  expect(conditionsText(conditionsOf(serverOf(document), 'read_file'))).toBe(text)
})
