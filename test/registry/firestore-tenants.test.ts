import { expect, test } from '@jest/globals'
import { isKnownTenant, type TenantDirectory, type Tenants } from '../../src/registry/tenants.ts'
import { MemoryDocuments } from '../support/memory-documents.ts'
import { folder, server, World } from './firestore-world.ts'
import { claims, emptyDirectory } from './tenant-directory.ts'

const directory = (): TenantDirectory => emptyDirectory(['https://platform.example.com'])
const issuer = 'https://id.acme.example'
const issuersOf = ({ byId }: Tenants, tenantId: string): string[] =>
  (byId.get(tenantId)?.issuers ?? []).map((entry) => entry.issuer)

test('an issuer of a tenant takes what it leaves out from the defaults, and may name that tenant only', () => {
  const tenants = directory()
  tenants.apply([
    {
      id: 'acme',
      value: {
        displayName: 'Acme',
        issuers: [{ issuer, audience: 'gateway', claims: { roles: 'groups' } }],
        trustAgentHeader: true,
        quotas: { callsPerMinute: 600 },
      },
    },
  ])
  expect(tenants.snapshot.byId.get('acme')).toEqual({
    tenantId: 'acme',
    issuers: [
      {
        issuer,
        audience: 'gateway',
        tenants: ['acme'],
        algorithms: ['RS256'],
        claims: { ...claims, roles: 'groups' },
        maxTokenHours: 24,
      },
    ],
    trustAgentHeader: true,
    quotas: { callsPerMinute: 600 },
  })
  expect(tenants.snapshot.quarantined).toEqual([])
})

test('of a document with problems only the valid parts count, and the last valid quotas', () => {
  const tenants = directory()
  tenants.apply([{ id: 'acme', value: { quotas: { sessions: 5 } } }])
  tenants.apply([
    {
      id: 'acme',
      value: {
        issuers: [{ issuer }, { issuer: 'http://elsewhere.example', algorithms: ['HS256'] }],
        trustAgentHeader: 'yes',
        quotas: { sessions: -1 },
      },
    },
  ])
  expect(issuersOf(tenants.snapshot, 'acme')).toEqual([issuer])
  expect(tenants.snapshot.byId.get('acme')).toMatchObject({
    trustAgentHeader: false,
    quotas: { sessions: 5 },
  })
  expect(tenants.snapshot.quarantined).toEqual([
    expect.objectContaining({ id: 'tenants/acme', tenantId: 'acme', lastGoodServes: true }),
  ])
  expect(tenants.snapshot.quarantined[0]?.reason).toMatch(
    /issuers\[1\]\.issuer.*issuers\[1\]\.algorithms.*trustAgentHeader.*quotas\.sessions/,
  )
})

test('an issuer stays with the tenant that has it when another one claims it', () => {
  const tenants = directory()
  tenants.apply([{ id: 'globex', value: { issuers: [{ issuer }] } }])
  tenants.apply([
    { id: 'acme', value: { issuers: [{ issuer, jwksUrl: 'https://evil.example/keys' }] } },
    { id: 'globex', value: { issuers: [{ issuer }] } },
  ])
  expect(issuersOf(tenants.snapshot, 'globex')).toEqual([issuer])
  expect(issuersOf(tenants.snapshot, 'acme')).toEqual([])
  expect(tenants.snapshot.quarantined).toMatchObject([
    { id: 'tenants/acme', reason: `issuers: ${issuer} is already claimed by another tenant` },
  ])
})

test('an issuer that the settings name belongs to no document', () => {
  const tenants = directory()
  tenants.apply([{ id: 'acme', value: { issuers: [{ issuer: 'https://platform.example.com' }] } }])
  expect(issuersOf(tenants.snapshot, 'acme')).toEqual([])
})

test('every tenant is known until there are documents; then those, and the one for all', () => {
  const tenants = directory()
  expect(isKnownTenant(tenants.snapshot, 'acme')).toBe(true)
  tenants.apply([
    { id: 'Not A Tenant', value: {} },
    { id: 'globex', value: 5 },
  ])
  expect(['acme', 'globex', '*', 'Not A Tenant'].map((id) => isKnownTenant(tenants.snapshot, id))).toEqual([
    false,
    true,
    true,
    false,
  ])
  expect(tenants.snapshot.quarantined).toHaveLength(2)
})

test('listeners hear of changes only, until they stop listening', () => {
  const tenants = directory()
  const heard: number[] = []
  const stop = tenants.onChange(({ byId }) => heard.push(byId.size))
  tenants.apply([])
  tenants.apply([{ id: 'acme', value: {} }])
  tenants.apply([{ id: 'acme', value: { displayName: 'Acme' } }])
  stop()
  tenants.apply([])
  expect(heard).toEqual([0, 1])
})

test('the first tenant refuses no server of a tenant that served before, also across a restart, until it is confirmed', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  const world = new World(store)
  await world.start()
  store.put({ 'tenants/globex': {} })
  await world.run(6000)
  expect(world.servers).toBe('acme/a')
  expect(world.last.quarantined).toMatchObject([
    { id: 'tenants/acme', tenantId: 'acme', lastGoodServes: true },
  ])
  expect(world.last.quarantined[0]?.reason).toContain('create catalog_snapshots/confirm-tenants')
  await world.source.close()
  const next = new World(store)
  await next.start()
  expect(next.servers).toBe('acme/a')
  const elsewhere = new World(store, { file: `${folder.path}/other.json` })
  await elsewhere.start()
  expect(elsewhere.servers).toBe('acme/a')
  store.put({ 'catalog_snapshots/confirm-tenants': {} })
  await next.run(31_000)
  expect(next.servers).toBe('')
  await next.source.close()
  await elsewhere.source.close()
})

test('a write is waited for until it is in force, for two seconds at most', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  const world = new World(store)
  await world.start()
  const written = { section: 'servers', tenantId: 'acme', name: 'b', etag: '2' } as const
  let done = 0
  const waiting = world.source.caughtUp(written).then(() => (done += 1))
  await world.run(500)
  expect(done).toBe(0)
  store.put({ 'mcp_servers/b': server() })
  await world.run(100)
  await waiting
  expect(world.servers).toBe('acme/a acme/b')
  const never = world.source.caughtUp({ ...written, name: 'never' }).then(() => (done += 1))
  await world.run(2000)
  await never
  expect(done).toBe(2)
  await world.source.close()
})
