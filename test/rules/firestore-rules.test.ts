import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { describeOnEmulatorOnly } from '../support/describe-with-emulator.ts'
import { type FirestoreEmulator } from '../support/firestore-emulator.ts'
import {
  create,
  DENIED,
  get,
  list,
  PERMITTED,
  remove,
  replace,
  seed,
  startWithRules,
  tokenOf,
} from './rules-client.ts'

let emulator: FirestoreEmulator

const OPERATOR = tokenOf({ tenant_id: 'acme', roles: ['operator'] })
const AUDITOR = tokenOf({ tenant_id: 'acme', roles: ['auditor'] })
const MEMBER = tokenOf({ tenant_id: 'acme', roles: ['developer'] })
const STRANGER = tokenOf({ tenant_id: 'globex', roles: ['operator', 'auditor'] })
const ANONYMOUS = undefined
const CALLERS = {
  operator: OPERATOR,
  auditor: AUDITOR,
  member: MEMBER,
  stranger: STRANGER,
  anonymous: ANONYMOUS,
}
type Caller = keyof typeof CALLERS
const EVERYBODY: readonly Caller[] = ['operator', 'auditor', 'member', 'stranger', 'anonymous']

const SERVER = {
  name: 'search',
  tenantId: 'acme',
  transport: 'streamable-http',
  url: 'https://search.example/mcp',
}
const STDIO = { name: 'files', tenantId: 'acme', transport: 'stdio', command: 'files-server' }
const TEMPLATE = { name: 'search', tenantId: 'acme', server: { transport: 'http', url: 'http://a/' } }
const PROGRAM = { ...TEMPLATE, server: STDIO }
const TRANSPORTS = ['streamable-http', 'sse', 'http', 'template']
const PIPELINE = { name: 'digest', tenantId: 'acme', enabled: true }
const RECORD = { tenantId: 'acme', atMs: 1, subject: 'ada', target: 'files_read', outcome: 'ok' }

async function answersOf(
  ask: (token: string | undefined) => Promise<number>,
): Promise<Record<string, number>> {
  const answers: Record<string, number> = {}
  for (const caller of EVERYBODY) answers[caller] = await ask(CALLERS[caller])
  return answers
}

function onlyFor(...permitted: readonly Caller[]): Record<string, number> {
  return Object.fromEntries(
    EVERYBODY.map((caller) => [caller, permitted.includes(caller) ? PERMITTED : DENIED]),
  )
}

describeOnEmulatorOnly('firestore.rules', () => {
  beforeAll(async () => {
    emulator = await startWithRules()
    await seed('/mcp_servers/search', SERVER)
    await seed('/mcp_servers/files', STDIO)
    await seed('/mcp_servers/shared', { ...SERVER, tenantId: '*' })
    await seed('/mcp_servers/nobody', { name: 'search', transport: 'sse' })
    await seed('/tool_usage/used', RECORD)
    await seed('/mcp_server_status/search', { tenantId: 'acme', problem: 'none' })
    await seed('/tenants/acme', { quota: 1 })
    await seed('/mcp_templates/t', TEMPLATE)
    await seed('/mcp_templates/local', PROGRAM)
    await seed('/mcp_templates/shared', { ...TEMPLATE, tenantId: '*' })
    await seed('/pipelines/p', PIPELINE)
    await seed('/pipelines/shared', { ...PIPELINE, tenantId: '*' })
    await seed('/enhancement_rules/r', { tenantId: 'acme' })
    await seed('/catalog_snapshots/s', { tenantId: 'acme' })
    await seed('/unheard_of/u', { tenantId: 'acme' })
    await seed('/tool_usage/used/below/it', { tenantId: 'acme' })
  })
  afterAll(() => emulator.stop())

  describe('tool_usage', () => {
    test('a record is read by auditors and operators of its tenant only', async () => {
      expect(await answersOf((token) => get('/tool_usage/used', token))).toEqual(
        onlyFor('operator', 'auditor'),
      )
    })

    test('records are listed by auditors and operators of their tenant only', async () => {
      expect(await answersOf((token) => list('tool_usage', token, 'acme'))).toEqual(
        onlyFor('operator', 'auditor'),
      )
    })

    test('nobody lists the records of all tenants', async () => {
      expect(await answersOf((token) => list('tool_usage', token))).toEqual(onlyFor())
    })

    test('nobody creates a record', async () => {
      expect(await answersOf((token) => create('tool_usage', token, RECORD))).toEqual(onlyFor())
    })

    test('nobody changes a record', async () => {
      const change = { ...RECORD, outcome: 'denied' }
      expect(await answersOf((token) => replace('/tool_usage/used', token, change))).toEqual(onlyFor())
    })

    test('nobody deletes a record', async () => {
      expect(await answersOf((token) => remove('/tool_usage/used', token))).toEqual(onlyFor())
    })
  })

  describe('mcp_servers', () => {
    test('a server is read by operators of its tenant only', async () => {
      expect(await answersOf((token) => get('/mcp_servers/search', token))).toEqual(onlyFor('operator'))
    })

    test('servers are listed by operators of their tenant only', async () => {
      expect(await answersOf((token) => list('mcp_servers', token, 'acme'))).toEqual(onlyFor('operator'))
    })

    test('nobody lists the servers of all tenants', async () => {
      expect(await answersOf((token) => list('mcp_servers', token))).toEqual(onlyFor())
    })

    test('a server is created by operators of its tenant only', async () => {
      expect(await answersOf((token) => create('mcp_servers', token, SERVER))).toEqual(onlyFor('operator'))
    })

    test('a server is changed by operators of its tenant only', async () => {
      const change = { ...SERVER, enabled: false, requiredRoles: ['reader'] }
      expect(await answersOf((token) => replace('/mcp_servers/search', token, change))).toEqual(
        onlyFor('operator'),
      )
    })

    test('a server is deleted by operators of its tenant only', async () => {
      const answers = await answersOf(async (token) => {
        await seed('/mcp_servers/short-lived', SERVER)
        return await remove('/mcp_servers/short-lived', token)
      })
      expect(answers).toEqual(onlyFor('operator'))
    })

    test.each(TRANSPORTS)('a server over %s may be written', async (transport) => {
      expect(await create('mcp_servers', OPERATOR, { ...SERVER, transport })).toBe(PERMITTED)
    })

    test('a server does not move to another tenant, nor to all', async () => {
      for (const tenantId of ['globex', '*'])
        expect(await replace('/mcp_servers/search', OPERATOR, { ...SERVER, tenantId })).toBe(DENIED)
    })

    test('a server of another tenant is not pulled over', async () => {
      expect(await replace('/mcp_servers/search', STRANGER, { ...SERVER, tenantId: 'globex' })).toBe(DENIED)
    })

    test('one who is operator of two tenants by name only is operator of none', async () => {
      const both = tokenOf({ tenant_id: ['acme', 'globex'], roles: ['operator'] })
      expect(await get('/mcp_servers/search', both)).toBe(DENIED)
    })

    test('servers of all tenants are neither read nor written, even with a token for tenant *', async () => {
      const all = tokenOf({ tenant_id: '*', roles: ['operator'] })
      const shared = { ...SERVER, tenantId: '*' }
      for (const token of [OPERATOR, all]) {
        expect(await get('/mcp_servers/shared', token)).toBe(DENIED)
        expect(await list('mcp_servers', token, '*')).toBe(DENIED)
        expect(await create('mcp_servers', token, shared)).toBe(DENIED)
        expect(await replace('/mcp_servers/shared', token, shared)).toBe(DENIED)
        expect(await replace('/mcp_servers/shared', token, SERVER)).toBe(DENIED)
        expect(await remove('/mcp_servers/shared', token)).toBe(DENIED)
      }
    })

    test('a server with a command can be read, and neither created, changed nor deleted', async () => {
      expect(await get('/mcp_servers/files', OPERATOR)).toBe(PERMITTED)
      expect(await create('mcp_servers', OPERATOR, STDIO)).toBe(DENIED)
      expect(await replace('/mcp_servers/files', OPERATOR, { ...STDIO, command: 'sh' })).toBe(DENIED)
      expect(await replace('/mcp_servers/files', OPERATOR, SERVER)).toBe(DENIED)
      expect(await remove('/mcp_servers/files', OPERATOR)).toBe(DENIED)
    })

    test('no server over HTTP becomes one with a command', async () => {
      expect(await replace('/mcp_servers/search', OPERATOR, { ...STDIO, name: 'search' })).toBe(DENIED)
    })

    test.each([
      ['a command', { command: 'sh' }],
      ['arguments of a command', { args: ['-c'] }],
      ['a working directory', { cwd: '/' }],
      ['an environment', { env: { LD_PRELOAD: 'x' } }],
      ['a package', { package: 'left-pad' }],
      ['another transport', { transport: 'pigeon' }],
      ['a transport of a wrong type', { transport: 1 }],
      ['a name that is none', { name: 'not_a_name' }],
      ['a name of a wrong type', { name: 1 }],
      ['a tenant of a wrong type', { tenantId: ['acme'] }],
      ['an on and off that is none', { enabled: 'yes' }],
    ])('a server over HTTP with %s is not written', async (_, change) => {
      for (const form of [SERVER, { ...SERVER, transport: 'template' }])
        expect(await create('mcp_servers', OPERATOR, { ...form, ...change })).toBe(DENIED)
      expect(await replace('/mcp_servers/search', OPERATOR, { ...SERVER, ...change })).toBe(DENIED)
    })

    test.each(['name', 'tenantId', 'transport'] as const)(
      'a server without %s is not written',
      async (field) => {
        const { [field]: _, ...rest } = SERVER
        expect(await create('mcp_servers', OPERATOR, rest)).toBe(DENIED)
        expect(await replace('/mcp_servers/search', OPERATOR, rest)).toBe(DENIED)
      },
    )

    test('a document without a tenant is nobody’s', async () => {
      expect(await answersOf((token) => get('/mcp_servers/nobody', token))).toEqual(onlyFor())
    })
  })

  describe('tokens', () => {
    test.each([
      ['without a tenant', { roles: ['operator'] }],
      ['without roles', { tenant_id: 'acme' }],
      ['with roles that only contain the word', { tenant_id: 'acme', roles: 'operator' }],
      ['with roles as a map', { tenant_id: 'acme', roles: { operator: true } }],
      ['with another case', { tenant_id: 'acme', roles: ['Operator'] }],
    ])('a token %s opens nothing', async (_, claims) => {
      const token = tokenOf(claims)
      expect(await get('/mcp_servers/search', token)).toBe(DENIED)
      expect(await get('/tool_usage/used', token)).toBe(DENIED)
      expect(await create('mcp_servers', token, SERVER)).toBe(DENIED)
    })
  })

  describe.each([
    ['mcp_server_status', 'search'],
    ['enhancement_rules', 'r'],
  ])('%s', (collection, id) => {
    test('is read and listed by operators of the tenant only', async () => {
      expect(await answersOf((token) => get(`/${collection}/${id}`, token))).toEqual(onlyFor('operator'))
      expect(await answersOf((token) => list(collection, token, 'acme'))).toEqual(onlyFor('operator'))
      expect(await answersOf((token) => list(collection, token))).toEqual(onlyFor())
    })

    test('is written by nobody', async () => {
      const document = { tenantId: 'acme' }
      expect(await answersOf((token) => create(collection, token, document))).toEqual(onlyFor())
      expect(await answersOf((token) => replace(`/${collection}/${id}`, token, document))).toEqual(onlyFor())
      expect(await answersOf((token) => remove(`/${collection}/${id}`, token))).toEqual(onlyFor())
    })
  })

  describe.each([
    ['mcp_templates', 't', TEMPLATE],
    ['pipelines', 'p', PIPELINE],
  ])('%s', (collection, id, document) => {
    const path = `/${collection}/${id}`

    test('are read and listed by operators of the tenant only', async () => {
      expect(await answersOf((token) => get(path, token))).toEqual(onlyFor('operator'))
      expect(await answersOf((token) => list(collection, token, 'acme'))).toEqual(onlyFor('operator'))
      expect(await answersOf((token) => list(collection, token))).toEqual(onlyFor())
    })

    test('are created, changed and deleted by operators of the tenant only', async () => {
      expect(await answersOf((token) => create(collection, token, document))).toEqual(onlyFor('operator'))
      const change = { ...document, enabled: false }
      expect(await answersOf((token) => replace(path, token, change))).toEqual(onlyFor('operator'))
      const deletions = await answersOf(async (token) => {
        await seed(`/${collection}/short-lived`, document)
        return await remove(`/${collection}/short-lived`, token)
      })
      expect(deletions).toEqual(onlyFor('operator'))
    })

    test('do not move to another tenant, nor to all, and are not pulled over', async () => {
      for (const tenantId of ['globex', '*'])
        expect(await replace(path, OPERATOR, { ...document, tenantId })).toBe(DENIED)
      expect(await replace(path, STRANGER, { ...document, tenantId: 'globex' })).toBe(DENIED)
    })

    test('of all tenants are neither read nor written', async () => {
      const all = tokenOf({ tenant_id: '*', roles: ['operator'] })
      for (const token of [OPERATOR, all]) {
        expect(await get(`/${collection}/shared`, token)).toBe(DENIED)
        expect(await create(collection, token, { ...document, tenantId: '*' })).toBe(DENIED)
        expect(await replace(`/${collection}/shared`, token, document)).toBe(DENIED)
        expect(await remove(`/${collection}/shared`, token)).toBe(DENIED)
      }
    })

    test.each([
      ['without a tenant', { tenantId: undefined }],
      ['with a tenant of a wrong type', { tenantId: ['acme'] }],
      ['with a name that is none', { name: 'not_a_name' }],
      ['with a name of a wrong type', { name: 1 }],
      ['with an on and off that is none', { enabled: 'yes' }],
    ])('%s are not written', async (_, fields) => {
      const wrong = Object.fromEntries(
        Object.entries({ ...document, ...fields }).filter(([, value]) => value !== undefined),
      )
      expect(await create(collection, OPERATOR, wrong)).toBe(DENIED)
      expect(await replace(path, OPERATOR, wrong)).toBe(DENIED)
    })
  })

  test('a template with a command can be read, and neither created, changed nor deleted', async () => {
    expect(await get('/mcp_templates/local', OPERATOR)).toBe(PERMITTED)
    expect(await create('mcp_templates', OPERATOR, PROGRAM)).toBe(DENIED)
    const hidden = { ...TEMPLATE, server: { ...SERVER, command: 'sh' } }
    expect(await create('mcp_templates', OPERATOR, hidden)).toBe(DENIED)
    expect(await replace('/mcp_templates/local', OPERATOR, TEMPLATE)).toBe(DENIED)
    expect(await replace('/mcp_templates/t', OPERATOR, PROGRAM)).toBe(DENIED)
    expect(await remove('/mcp_templates/local', OPERATOR)).toBe(DENIED)
  })

  describe('tenants', () => {
    test('a tenant is read by its operators only, and not listed', async () => {
      expect(await answersOf((token) => get('/tenants/acme', token))).toEqual(onlyFor('operator'))
      expect(await answersOf((token) => list('tenants', token))).toEqual(onlyFor())
    })

    test('a tenant is written by nobody', async () => {
      expect(await answersOf((token) => create('tenants', token, { quota: 9 }))).toEqual(onlyFor())
      expect(await answersOf((token) => replace('/tenants/acme', token, { quota: 9 }))).toEqual(onlyFor())
      expect(await answersOf((token) => remove('/tenants/acme', token))).toEqual(onlyFor())
    })
  })

  test.each(['/catalog_snapshots/s', '/unheard_of/u', '/tool_usage/used/below/it'])(
    'everything else is closed: %s',
    async (path) => {
      const document = { tenantId: 'acme' }
      expect(await answersOf((token) => get(path, token))).toEqual(onlyFor())
      expect(await answersOf((token) => replace(path, token, document))).toEqual(onlyFor())
      expect(await answersOf((token) => remove(path, token))).toEqual(onlyFor())
    },
  )
})
