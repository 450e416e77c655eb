import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { type Action, decide, scopesToStepUp, type Target } from '../../src/domain/access-policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { serverKey } from '../../src/domain/documents/server-definition.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import {
  anyAction,
  ACTIONS,
  anyOverride,
  PATTERNS,
  anyPrincipal,
  ROLES,
  SCOPES,
  anyServer,
  serverOf,
  anySnapshot,
  snapshotOf,
  anyTarget,
  TOOLS,
} from '../support/access-cases.ts'
import { soak } from '../support/soak.ts'

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
const ruleOf = (document: object, principal: Partial<Principal> = {}, target: Target = TOOL): string =>
  decide({ ...ALICE, ...principal }, 'call', target, snapshotOf(serverOf(document))).ruleId

describe('a decision', () => {
  test('that allows and one that denies name their rule', () => {
    expect(decide(ALICE, 'call', TOOL, snapshotOf(serverOf({})))).toEqual({
      effect: 'allow',
      ruleId: 'allow',
    })
    expect(decide(ALICE, 'call', TOOL, snapshotOf())).toEqual({ effect: 'deny', ruleId: 'unknown-server' })
  })

  test.each<[string, object, Partial<Principal>]>([
    ['tenant', {}, { tenantId: 'globex' }],
    ['tenant', {}, { tenantId: '*' }],
    ['disabled', { enabled: false }, {}],
    ['server-roles', { requiredRoles: ['admin'] }, {}],
    ['server-roles', { requiredRoles: { allOf: ['reader', 'admin'] } }, {}],
    ['server-roles', { requiredRoles: ['constructor'] }, { roles: [] }],
    ['server-agents', { agentAllowlist: [] }, {}],
    ['server-agents', { agentAllowlist: ['other'] }, {}],
    ['server-agents', { agentAllowlist: ['desk'] }, { agent: undefined }],
    ['tool-selection', { tools: { include: ['write_*'] } }, {}],
    ['tool-selection', { tools: { include: [] } }, {}],
    ['tool-selection', { tools: { exclude: ['read_*'] } }, {}],
    ['tool-selection', { tools: { include: ['*'], exclude: ['read_file'] } }, {}],
    ['tool-roles', { tools: { read_file: { requiredRoles: ['admin'] } } }, {}],
    [
      'tool-roles',
      { tools: { '*': { requiredRoles: ['admin'] }, read_file: { requiredRoles: ['reader'] } } },
      {},
    ],
    ['tool-agents', { tools: { 'read_*': { agentAllowlist: ['other'] } } }, {}],
    ['tool-scopes', { tools: { read_file: { scopes: ['tools:read', 'tools:write'] } } }, {}],
  ])('is denied by %s: %j', (ruleId, document, principal) => {
    expect(ruleOf(document, principal)).toBe(ruleId)
  })

  test.each<[object, Partial<Principal>]>([
    [{ tenantId: 'acme' }, {}],
    [{ requiredRoles: ['admin', 'reader'] }, {}],
    [{ requiredRoles: { allOf: ['reader'] } }, {}],
    [{ agentAllowlist: ['desk'] }, {}],
    [{ tools: {} }, {}],
    [{ tools: { include: ['read_*'], exclude: ['write_*'] } }, {}],
    [{ tools: { write_file: { requiredRoles: ['admin'] } } }, {}],
    [
      {
        tools: { read_file: { scopes: ['tools:read'], requiredRoles: ['reader'], agentAllowlist: ['desk'] } },
      },
      {},
    ],
  ])('is allowed by %j', (document, principal) => {
    expect(ruleOf(document, principal)).toBe('allow')
  })

  test.each<[object, Partial<Principal>, readonly string[] | undefined]>([
    [{ tools: { read_file: { scopes: ['tools:read', 'tools:write'] } } }, {}, ['tools:read', 'tools:write']],
    [
      { tools: { '*': { scopes: ['a'] }, read_file: { scopes: ['b', 'a'] }, write_file: { scopes: ['c'] } } },
      {},
      ['a', 'b'],
    ],
    [{ tools: { read_file: { scopes: ['tools:read'] } } }, {}, undefined],
    [{ tools: { read_file: { scopes: ['a'] } } }, { roles: [], tenantId: 'globex' }, undefined],
    [{ requiredRoles: ['admin'], tools: { read_file: { scopes: ['a'] } } }, {}, undefined],
    [
      { tools: { read_file: { scopes: ['a'] }, 'read_*': { requiredRoles: ['admin'], scopes: ['b'] } } },
      {},
      undefined,
    ],
  ])('names the scopes to step up with only if nothing else is missing: %j', (document, who, scopes) => {
    const principal = { ...ALICE, ...who }
    expect(scopesToStepUp(principal, 'call', TOOL, snapshotOf(serverOf(document)))).toEqual(scopes)
  })

  test.each([[[]], [{ allOf: [] }]])(
    'with an empty list of roles, which no document has, is for nobody: %j',
    (empty) => {
      const server = { ...serverOf({}), requiredRoles: empty }
      expect(decide(ALICE, 'call', TOOL, snapshotOf(server)).ruleId).toBe('server-roles')
    },
  )

  test('about a server for all tenants does not depend on the tenant', () => {
    const target: Target = { ...TOOL, server: '*/files' }
    expect(ruleOf({ tenantId: '*' }, { tenantId: 'globex' }, target)).toBe('allow')
  })

  test('about resources, prompts and the server itself looks at the server only', () => {
    const document = { tools: { include: [], '*': { requiredRoles: ['admin'] } } }
    for (const kind of ['resource', 'prompt', 'server'] as const) {
      expect(ruleOf(document, {}, { server: 'acme/files', kind, name: 'x' })).toBe('allow')
    }
    expect(
      ruleOf({ requiredRoles: ['admin'] }, {}, { server: 'acme/files', kind: 'resource', name: 'x' }),
    ).toBe('server-roles')
  })
})

const allowed = (who: Principal, what: Target, where: Snapshot, how: Action = 'call'): boolean =>
  decide(who, how, what, where).effect === 'allow'

describe('for any principal, target and snapshot', () => {
  test('the generated cases are neither all allowed nor all denied', () => {
    const cases = fc.sample(fc.tuple(anyPrincipal, anyTarget, anySnapshot), {
      numRuns: soak(2000, 500),
      seed: 1,
    })
    const share = cases.filter(([who, what, where]) => allowed(who, what, where)).length / cases.length
    expect(share).toBeGreaterThan(0.02)
    expect(share).toBeLessThan(0.5)
  })

  test('what is not in the registry is denied', () => {
    fc.assert(
      fc.property(anyPrincipal, anyTarget, anySnapshot, anyAction, (who, what, where, how) => {
        fc.pre(!where.servers.has(what.server))
        return !allowed(who, what, where, how)
      }),
    )
  })

  test('a server of another tenant is denied', () => {
    fc.assert(
      fc.property(anyPrincipal, anyTarget, anySnapshot, anyAction, (who, what, where, how) => {
        const owner = where.servers.get(what.server)?.tenantId
        return !allowed(who, what, where, how) || owner === '*' || owner === who.tenantId
      }),
    )
  })

  test('the answer is the same for every action: called if and only if listed', () => {
    fc.assert(
      fc.property(anyPrincipal, anyTarget, anySnapshot, (who, what, where) => {
        const [first, ...others] = ACTIONS.map((how) => JSON.stringify(decide(who, how, what, where)))
        return others.every((other) => other === first)
      }),
    )
  })

  test('a tool is allowed only where its server is', () => {
    fc.assert(
      fc.property(anyPrincipal, anyTarget, anySnapshot, (who, what, where) => {
        return !allowed(who, what, where) || allowed(who, { server: what.server, kind: 'server' }, where)
      }),
    )
  })

  test('taking a role or a scope away never allows more', () => {
    fc.assert(
      fc.property(
        anyPrincipal,
        anyTarget,
        anySnapshot,
        fc.constantFrom(...ROLES, ...SCOPES),
        (who, what, where, gone) => {
          const without = (names: readonly string[]): string[] => names.filter((name) => name !== gone)
          const less = { ...who, roles: without(who.roles), scopes: without(who.scopes) }
          return !allowed(less, what, where) || allowed(who, what, where)
        },
      ),
    )
  })

  test('one more entry under tools never allows more', () => {
    fc.assert(
      fc.property(
        anyPrincipal,
        anyTarget,
        anyServer,
        fc.constantFrom(...PATTERNS),
        anyOverride,
        (who, what, before, pattern, entry) => {
          fc.pre(before.tools?.[pattern] === undefined)
          const after = { ...before, tools: { ...before.tools, [pattern]: entry } }
          return !allowed(who, what, snapshotOf(after)) || allowed(who, what, snapshotOf(before))
        },
      ),
    )
  })

  test('one more required role under tools never allows more to a caller without it', () => {
    fc.assert(
      fc.property(anyPrincipal, anyServer, fc.constantFrom(...TOOLS), (who, before, name) => {
        const after = { ...before, tools: { ...before.tools, [name]: { requiredRoles: ['auditor'] } } }
        return !allowed(who, { server: serverKey(before), kind: 'tool', name }, snapshotOf(after))
      }),
    )
  })

  test('one more exclusion never allows more', () => {
    fc.assert(
      fc.property(
        anyPrincipal,
        anyTarget,
        anyServer,
        fc.constantFrom(...PATTERNS),
        (who, what, before, pattern) => {
          const exclude = [
            ...(Array.isArray(before.tools?.['exclude']) ? before.tools['exclude'] : []),
            pattern,
          ]
          const after = { ...before, tools: { ...before.tools, exclude } }
          return !allowed(who, what, snapshotOf(after)) || allowed(who, what, snapshotOf(before))
        },
      ),
    )
  })

  test('a disabled server and one with an empty agent list are denied', () => {
    fc.assert(
      fc.property(anyPrincipal, anyTarget, anyServer, fc.boolean(), (who, what, before, disabled) => {
        const after = disabled ? { ...before, enabled: false } : { ...before, agentAllowlist: [] }
        return !allowed(who, { ...what, server: serverKey(after) }, snapshotOf(after))
      }),
    )
  })

  test('other servers do not matter', () => {
    fc.assert(
      fc.property(anyPrincipal, anyTarget, anySnapshot, (who, what, where) => {
        const only = where.servers.get(what.server)
        const alone = only === undefined ? snapshotOf() : snapshotOf(only)
        return allowed(who, what, where) === allowed(who, what, alone)
      }),
    )
  })
})

describe('in addition to the rules of a tool', () => {
  const who = {
    tenantId: 'acme',
    subject: 's',
    agent: undefined,
    roles: [],
    scopes: [],
    issuer: 'i',
    expiresAtMs: 0,
  }
  const of = (kind: 'tool' | 'resource' | 'prompt', name = 'x') =>
    ({ server: 'acme/files', kind, name }) as const

  test('resources and prompts of its name are not affected', () => {
    const snapshot = snapshotOf(serverOf({ tools: { x: { requiredRoles: ['admin'] } } }))
    const effects = (['tool', 'resource', 'prompt'] as const).map(
      (kind) => decide(who, 'list', of(kind), snapshot).effect,
    )
    expect(effects).toEqual(['deny', 'allow', 'allow'])
  })

  test('it is denied while its definition is held back, even to callers who could use it otherwise', () => {
    const tool = { hash: 'h', approvedBy: new Set<string>() }
    const snapshot: Snapshot = {
      ...snapshotOf(serverOf({})),
      held: new Map([['acme/files', new Map([['x', tool]])]]),
    }
    expect(decide(who, 'call', of('tool'), snapshot)).toEqual({ effect: 'deny', ruleId: 'tool-held' })
    expect(decide(who, 'call', of('tool', 'y'), snapshot)).toEqual({ effect: 'allow', ruleId: 'allow' })
  })

  test('the scopes to get are those of all its entries, and none where another rule denies it, too', () => {
    const stepUp = (tools: object): unknown =>
      scopesToStepUp(who, 'call', of('tool'), snapshotOf(serverOf({ tools })))
    expect(stepUp({ '*': { title: 'any' }, x: { scopes: ['tools:write'] } })).toEqual(['tools:write'])
    expect(stepUp({ '*': { scopes: ['tools:read'] }, x: { scopes: ['tools:write'] } })).toEqual([
      'tools:read',
      'tools:write',
    ])
    expect(stepUp({ '*': { scopes: ['tools:read'] }, x: { requiredRoles: ['admin'] } })).toBeUndefined()
  })
})
