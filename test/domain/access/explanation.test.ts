import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { decide, type Target } from '../../../src/domain/access-policy.ts'
import { explain, type RuleCheck } from '../../../src/domain/access/explanation.ts'
import { remediesOf, sentenceOf } from '../../../src/domain/access/remedies.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import {
  anyAction,
  anyPrincipal,
  serverOf,
  anySnapshot,
  snapshotOf,
  anyTarget,
} from '../../support/access-cases.ts'
import { soak } from '../../support/soak.ts'

const ALICE: Principal = {
  tenantId: 'acme',
  subject: 'alice',
  agent: 'desk',
  roles: ['reader'],
  scopes: ['tools:read'],
  issuer: 'https://id.example.com',
  expiresAtMs: 0,
}
const TOOL: Target = { server: 'acme/files', kind: 'tool', name: 'read_file' }

function decidedBy(document: object, who: Partial<Principal> = {}): RuleCheck | undefined {
  return explain({ ...ALICE, ...who }, 'call', TOOL, snapshotOf(serverOf(document))).decidedBy
}

test('an explanation has the effect and the rule of the decision, for any caller, target and snapshot', () => {
  fc.assert(
    fc.property(anyPrincipal, anyAction, anyTarget, anySnapshot, (who, how, what, where) => {
      const { effect, ruleId } = explain(who, how, what, where)
      expect({ effect, ruleId }).toEqual(decide(who, how, what, where))
    }),
    { numRuns: soak(2000, 400) },
  )
})

describe('the rule that decided is told with its document, field, value and what the caller has', () => {
  test.each<[object, Partial<Principal>, Partial<RuleCheck>]>([
    [{ tenantId: 'acme' }, { tenantId: 'globex' }, { field: 'tenantId', value: 'acme', given: 'globex' }],
    [{ enabled: false }, {}, { field: 'enabled', value: false, given: undefined }],
    [
      { requiredRoles: ['admin'] },
      {},
      { ruleId: 'server-roles', field: 'requiredRoles', value: ['admin'], given: ['reader'] },
    ],
    [{ agentAllowlist: ['phone'] }, {}, { field: 'agentAllowlist', value: ['phone'], given: 'desk' }],
    [
      { tools: { exclude: ['write_*', 'read_*'] } },
      {},
      { ruleId: 'tool-selection', field: 'tools.exclude', value: ['read_*'], given: 'read_file' },
    ],
    [{ tools: { include: ['x'] } }, {}, { field: 'tools.include', value: ['x'], given: 'read_file' }],
    [
      { tools: { 'read_*': { requiredRoles: { allOf: ['reader', 'admin'] } } } },
      {},
      { ruleId: 'tool-roles', field: 'tools.read_*.requiredRoles', value: { allOf: ['reader', 'admin'] } },
    ],
    [
      { tools: { read_file: { agentAllowlist: [] } } },
      {},
      { ruleId: 'tool-agents', field: 'tools.read_file.agentAllowlist', value: [], given: 'desk' },
    ],
    [
      { tools: { read_file: { scopes: ['tools:read', 'tools:write'] } } },
      {},
      { ruleId: 'tool-scopes', field: 'tools.read_file.scopes', given: ['tools:read'] },
    ],
  ])('%j', (document, who, expected) => {
    expect(decidedBy(document, who)).toMatchObject({ document: 'servers/acme/files', ...expected })
  })

  test('a server that does not exist', () => {
    expect(explain(ALICE, 'call', TOOL, snapshotOf()).decidedBy).toMatchObject({
      ruleId: 'unknown-server',
      document: 'servers/acme/files',
    })
  })
})

test('rules behind the one that decided are told, too', () => {
  const { checks } = explain(
    ALICE,
    'call',
    TOOL,
    snapshotOf(serverOf({ enabled: false, requiredRoles: ['admin'], agentAllowlist: ['desk'] })),
  )
  expect(checks.map(({ ruleId, isMet }) => [ruleId, isMet])).toEqual([
    ['tenant', true],
    ['disabled', false],
    ['server-roles', false],
    ['server-agents', true],
  ])
})

test.each<[object, Partial<Principal>, string, string[]]>([
  [
    { requiredRoles: ['support'] },
    {},
    'The caller needs the role support; it has reader (servers/acme/files, requiredRoles).',
    ['Give the caller the role support.', 'Change requiredRoles in servers/acme/files.'],
  ],
  [
    { requiredRoles: { allOf: ['reader', 'admin'] } },
    {},
    'The caller needs all of the roles reader, admin; it has reader (servers/acme/files, requiredRoles).',
    ['Give the caller the roles admin.', 'Change requiredRoles in servers/acme/files.'],
  ],
  [
    { agentAllowlist: ['phone'] },
    { agent: undefined },
    'The agent must be phone; it is not named in the token (servers/acme/files, agentAllowlist).',
    [
      'Call as phone.',
      'Have the issuer name the agent in the token, or remove agentAllowlist from servers/acme/files.',
    ],
  ],
  [
    { tools: { exclude: ['read_*'] } },
    {},
    'The tool read_file is excluded by read_* (servers/acme/files, tools.exclude).',
    ['Remove read_* from tools.exclude in servers/acme/files.'],
  ],
])('%j: one sentence says what is missing, and what would change it', (document, who, sentence, remedies) => {
  const check = decidedBy(document, who)
  if (check === undefined) throw new Error('allowed')
  expect(sentenceOf(check)).toBe(sentence)
  expect(remediesOf(check)).toEqual(remedies)
})

test('a tool that needs a role is explained with the roles that the caller has', () => {
  expect(decidedBy({ tools: { read_file: { requiredRoles: ['admin'] } } })).toMatchObject({
    ruleId: 'tool-roles',
    field: 'tools.read_file.requiredRoles',
    value: ['admin'],
    given: ['reader'],
  })
})
