import { expect, test } from '@jest/globals'
import { decide } from '../../src/domain/access-policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { ACTIONS, serverOf, snapshotOf } from '../support/access-cases.ts'

const TENANTS = ['acme', 'globex', 'ACME']
const ROLES: readonly (readonly string[])[] = [
  [],
  ['viewer'],
  ['editor'],
  ['admin'],
  ['Viewer'],
  ['viewer', 'admin'],
]
const AGENTS = [undefined, 'desk', 'Desk']
const REQUIRED = [undefined, ['viewer'], ['admin', 'editor'], { allOf: ['viewer', 'admin'] }]
const ALLOWED = [undefined, [], ['desk']]
const OWNERS = ['acme', 'globex', '*']
const KINDS = ['server', 'tool', 'resource', 'prompt'] as const

/** The rules in the words of the documentation, by sets. */
function mayUse(
  { tenantId, roles, agent }: Pick<Principal, 'tenantId' | 'roles' | 'agent'>,
  of: {
    owner: string
    enabled: boolean
    required: (typeof REQUIRED)[number]
    allowed: (typeof ALLOWED)[number]
  },
): boolean {
  if (!of.enabled || !(of.owner === '*' || of.owner === tenantId)) return false
  if (of.allowed !== undefined && !(agent !== undefined && of.allowed.includes(agent))) return false
  if (of.required === undefined) return true
  if (Array.isArray(of.required)) return of.required.some((role) => roles.includes(role))
  return of.required.allOf.every((role) => roles.includes(role))
}

/** All pairs of members of two lists. */
const pairs = <A, B>(as: readonly A[], bs: readonly B[]): (readonly [A, B])[] =>
  as.flatMap((a) => bs.map((b) => [a, b] as const))

const OF = pairs(pairs(OWNERS, [true, false]), pairs(REQUIRED, ALLOWED)).map(
  ([[owner, enabled], [required, allowed]]) => ({ owner, enabled, required, allowed }),
)
const PRINCIPALS = pairs(pairs(TENANTS, ROLES), AGENTS).map(([[tenantId, roles], agent]) => ({
  tenantId,
  roles,
  agent,
  subject: 's',
  scopes: [],
  issuer: 'i',
  expiresAtMs: 0,
}))

test('every combination of tenant, roles, agent, action, kind and rules is decided as the rules say', () => {
  const decided = OF.flatMap((of) => {
    const server = serverOf({
      tenantId: of.owner,
      enabled: of.enabled,
      ...(of.required !== undefined && { requiredRoles: of.required }),
      ...(of.allowed !== undefined && { agentAllowlist: of.allowed }),
    })
    const snapshot = snapshotOf(server)
    return pairs(PRINCIPALS, pairs(ACTIONS, KINDS)).map(([principal, [action, kind]]) => {
      const target = { server: `${of.owner}/files`, kind, name: 'x' }
      const { effect } = decide(principal, action, target, snapshot)
      return { isRight: (effect === 'allow') === mayUse(principal, of), effect, of, principal, action, kind }
    })
  })
  expect(decided.filter(({ isRight }) => !isRight)).toEqual([])
  expect(decided).toHaveLength(77_760)
})
