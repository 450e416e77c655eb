import { describe, expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { type LastGood, parseRegistry, type ServersSnapshot } from '../../../src/registry/documents/parse.ts'
import { emptyDirectory } from '../tenant-directory.ts'

type Parsed = { snapshot: ServersSnapshot; lastGood: LastGood }

const parse = (value: unknown, previous: LastGood = new Map<string, ServerDefinition>()): Parsed =>
  parseRegistry({ documents: [{ id: 'a', value }], defaultTenant: 'local', previous, generation: 1 })
const serving = ({ snapshot }: Parsed): ServerDefinition | undefined => [...snapshot.servers.values()][0]

const PROGRAM = { transport: 'stdio', command: 'node' }
const ACCESS = {
  tenantId: 'acme',
  enabled: true,
  requiredRoles: ['reader'],
  agentAllowlist: ['desk'],
  tools: { exclude: ['delete_*'] },
  toolChanges: 'hold',
  approval: { tools: 'all', by: 'second-person' },
}
const { lastGood } = parse({ ...PROGRAM, ...ACCESS })

/** The document with one field under another name, at its place. */
const renamed = (field: string, name: string): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries({ ...PROGRAM, ...ACCESS }).map(([key, value]) => [key === field ? name : key, value]),
  )

describe('a server document that is refused', () => {
  test.each([
    ['tenantId', 'tenant'],
    ['tenantId', 'tenantID'],
    ['tenantId', 'tenant_id'],
    ['enabled', 'enable'],
    ['enabled', 'enabeld'],
    ['requiredRoles', 'requiredRole'],
    ['requiredRoles', 'required_roles'],
    ['requiredRoles', 'roles'],
    ['requiredRoles', 'allowedRoles'],
    ['agentAllowlist', 'agentAllowList'],
    ['agentAllowlist', 'agents'],
    ['tools', 'tool'],
    ['toolChanges', 'toolChange'],
    ['approval', 'aproval'],
    ['approval', 'approvals'],
  ])('because %s is written %s hides the server', (field, name) => {
    const { snapshot } = parse(renamed(field, name), lastGood)
    expect([...snapshot.servers.keys()]).toEqual([])
    expect(snapshot.quarantined).toMatchObject([{ id: 'a', lastGoodServes: false }])
    expect(snapshot.quarantined[0]?.reason).toContain(`unknown field "${name}", did you mean "${field}"?`)
  })

  test.each([{ enable: false }, { disabled: true }, { requiredRole: ['admin'] }])(
    'because of %j beside fields that are right hides the server',
    (field) => {
      expect(serving(parse({ ...PROGRAM, ...ACCESS, ...field }, lastGood))).toBeUndefined()
    },
  )

  test('with a misspelled access field hides the server also where its transport is not known, or its template', () => {
    const misspelled = renamed('requiredRoles', 'requiredRole')
    for (const kind of [{ transport: 'stido' }, { transport: 'template', templateName: 'gone' }]) {
      expect(serving(parse({ ...misspelled, ...kind }, lastGood))).toBeUndefined()
    }
  })

  test.each(Object.keys(ACCESS))(
    'without %s leaves that field as it was, wherever the document has it instead',
    (field) => {
      const { [field]: value, ...rest } = { ...PROGRAM, ...ACCESS } as Record<string, unknown>
      const previous = parse({ ...PROGRAM, ...ACCESS, enabled: false }).lastGood
      for (const instead of [{ timeoutMs: -1 }, { whoMay: value }, { lifecycle: { [field]: value } }]) {
        const parsed = parse(
          { ...rest, ...(field !== 'enabled' && { enabled: false }), ...instead },
          previous,
        )
        expect(serving(parsed)).toMatchObject({ ...ACCESS, enabled: false })
        expect(parsed.snapshot.quarantined).toMatchObject([{ id: 'a', lastGoodServes: true }])
      }
    },
  )

  test('without an access field leaves it as the refused version before had it', () => {
    const stricter = { ...PROGRAM, ...ACCESS, requiredRoles: ['admin'], timeoutMs: -1 }
    const refused = parse(stricter, lastGood)
    expect(serving(refused)).toMatchObject({ requiredRoles: ['admin'] })
    const { requiredRoles: _left, ...rest } = stricter
    expect(serving(parse(rest, refused.lastGood))).toMatchObject({ requiredRoles: ['admin'] })
  })

  test('because of a typo in another field serves on as it was', () => {
    const parsed = parse({ ...PROGRAM, ...ACCESS, timeoutMss: 5 }, lastGood)
    expect(serving(parsed)).toEqual(lastGood.get('a'))
    expect(parsed.snapshot.quarantined).toMatchObject([
      { reason: 'unknown field "timeoutMss", did you mean "timeoutMs"?', lastGoodServes: true },
    ])
  })

  test('because of more than a hundred unknown fields hides the server', () => {
    const unknown = (count: number): unknown => ({
      ...PROGRAM,
      ...ACCESS,
      ...Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 1])),
    })
    expect(serving(parse(unknown(100), lastGood))).toBeDefined()
    expect(serving(parse(unknown(101), lastGood))).toBeUndefined()
  })
})

describe('the document of a tenant that is refused', () => {
  const before = { enabled: false, clientApproval: 'operator', quotas: { callsPerMinute: 3 } }
  const after = (value: unknown, first: unknown = before): unknown => {
    const tenants = emptyDirectory()
    tenants.apply([{ id: 'acme', value: first }])
    tenants.apply([{ id: 'acme', value }])
    expect(tenants.snapshot.quarantined).toHaveLength(value === first ? 0 : 1)
    return tenants.snapshot.byId.get('acme')
  }
  const restricted = {
    tenantId: 'acme',
    issuers: [],
    trustAgentHeader: false,
    isDisabled: true,
    needsOperatorForClients: true,
    quotas: { callsPerMinute: 3 },
  }

  test.each<[string, unknown]>([
    ['a misspelled field', { enabled: false, clientApproval: 'operator', quota: { callsPerMinute: 3 } }],
    ['another', { enabled: false, clientAproval: 'operator', quotas: { callsPerMinute: 3 } }],
    ['a third', { enable: false, clientApproval: 'operator', quotas: { callsPerMinute: 3 } }],
    ['fields of other names', { on: false, limits: {}, clients: 'operator' }],
    ['nothing that can be read', 5],
  ])('with %s keeps every restriction', (_case, value) => {
    expect(after(before)).toEqual(restricted)
    expect(after(value)).toEqual(restricted)
  })

  test('with a restriction under a wrong name has it, though it had none before', () => {
    expect(after({ enable: false }, {})).toMatchObject({ isDisabled: true })
    expect(after({ clientAproval: 'operator' }, {})).toMatchObject({ needsOperatorForClients: true })
    expect(after({ displayname: 'Acme' }, {})).toEqual({
      tenantId: 'acme',
      issuers: [],
      trustAgentHeader: false,
      quotas: {},
    })
  })
})
