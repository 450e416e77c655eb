import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { MemoryDocuments } from '../../support/memory-documents.ts'
import { folder, four, server, threeGone, World } from '../firestore-world.ts'

test('hands over what is in the store, and each change; equal documents and bursts make no snapshot of their own', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/files': server(), 'mcp_servers/x1': server({ name: 'memory' }) })
  const world = new World(store)
  await world.start()
  expect(world.servers).toBe('acme/files acme/memory')
  expect(world.last.generation).toBe(1)
  store.put({ 'mcp_servers/files': server() })
  await world.run()
  expect(world.snapshots).toHaveLength(1)
  for (const description of ['a', 'b', 'c']) store.put({ 'mcp_servers/files': server({ description }) })
  await world.run()
  expect(world.snapshots).toHaveLength(2)
  expect(world.last.servers.get('acme/files')?.description).toBe('c')
  store.put({ 'mcp_servers/x1': undefined })
  await world.run()
  expect(world.servers).toBe('acme/files')
  expect(world.last.generation).toBe(3)
  await world.source.close()
})

test('a document has to name its tenant; an invalid one hurts no other, and its last good version goes on', async () => {
  const store = new MemoryDocuments()
  const { tenantId: _, ...nobodys } = server()
  store.put({ 'mcp_servers/good': server(), 'mcp_servers/lost': nobodys })
  const world = new World(store)
  await world.start()
  expect(world.servers).toBe('acme/good')
  expect(world.last.quarantined).toMatchObject([{ id: 'lost', tenantId: undefined, lastGoodServes: false }])
  expect(world.last.quarantined[0]?.reason).toMatch(/^tenantId: missing, expected/)
  store.put({ 'mcp_servers/good': server({ command: 5 }) })
  await world.run()
  expect(world.servers).toBe('acme/good')
  expect(world.last.quarantined[1]).toMatchObject({ id: 'good', tenantId: 'acme', lastGoodServes: true })
  await world.source.close()
})

test('the status of a document is written once for each reason, and goes with the document', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/good': server(), 'mcp_servers/bad': server({ command: 5 }) })
  const world = new World(store)
  await world.start()
  const status = 'mcp_server_status/bad'
  expect(store.read(status)).toEqual({
    tenantId: 'acme',
    state: 'quarantined',
    reason: 'command: expected string, received number',
    updatedAt: expect.stringMatching(/^2026-01-01T00:00/),
    generation: 1,
  })
  expect(store.read('mcp_server_status/good')).toBeUndefined()
  store.put({ 'mcp_servers/good': server({ description: 'new' }) })
  await world.run(60_000)
  expect(store.writes.filter((path) => path === status)).toHaveLength(1)

  store.put({ 'mcp_servers/bad': server() })
  await world.run()
  expect(store.read(status)).toMatchObject({ state: 'accepted', reason: null })
  store.put({ 'mcp_servers/bad': server({ command: 5 }) })
  await world.run()
  store.put({ 'mcp_servers/bad': undefined })
  await world.run()
  expect(store.read(status)).toBeUndefined()
  await world.source.close()
})

test('a status that another gateway has written already is not written again', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/bad': server({ command: 5 }) })
  const first = new World(store)
  await first.start()
  const second = new World(store, { file: join(folder.path, 'second.json') })
  await second.start()
  expect(store.writes.filter((path) => path === 'mcp_server_status/bad')).toHaveLength(1)
  store.put({ 'mcp_servers/worse': server({ args: 'x' }) })
  await first.run()
  await second.run()
  expect(store.writes.filter((path) => path === 'mcp_server_status/worse')).toHaveLength(1)
  await first.source.close()
  await second.source.close()
})

test('once tenants are confirmed a server of another one is refused, until the tenant is there', async () => {
  const store = new MemoryDocuments()
  store.put({
    'catalog_snapshots/confirm-tenants': {},
    'mcp_servers/a': server(),
    'mcp_servers/b': server({ tenantId: 'globex' }),
    'mcp_servers/c': server({ tenantId: '*' }),
  })
  const world = new World(store)
  await world.start()
  expect(world.servers).toBe('*/c acme/a globex/b')
  store.put({ 'tenants/acme': { trustAgentHeader: true } })
  await world.run()
  expect(world.servers).toBe('*/c acme/a')
  expect(world.last.quarantined).toEqual([
    {
      id: 'b',
      name: 'b',
      tenantId: 'globex',
      reason: 'tenantId: there is no tenant globex',
      lastGoodServes: false,
    },
  ])
  expect(world.directory.snapshot.byId.get('acme')?.trustAgentHeader).toBe(true)
  store.put({ 'tenants/globex': {} })
  await world.run()
  expect(world.servers).toBe('*/c acme/a globex/b')
  await world.source.close()
})

test('enhancement rules are in the snapshot, with their defaults; a bad one is refused with the place, and an edit is a new snapshot', async () => {
  const store = new MemoryDocuments()
  const rule = { tenantId: 'acme', name: 'default', model: 'tiny', systemPrompt: 'Say it clearly' }
  store.put({ 'enhancement_rules/R1': rule, 'enhancement_rules/R2': { ...rule, model: 5 } })
  const world = new World(store)
  await world.start()
  expect(Object.fromEntries(world.last.enhancementRules)).toEqual({
    R1: { ...rule, enabled: true, options: {} },
  })
  expect(world.last.quarantined).toMatchObject([
    { id: 'enhancement_rules/R2', tenantId: 'acme', reason: 'model: expected string, received number' },
  ])
  store.put({ 'enhancement_rules/R1': { ...rule, model: 'large' }, 'enhancement_rules/R2': undefined })
  await world.run()
  expect(world.last.enhancementRules.get('R1')?.model).toBe('large')
  expect(world.last.quarantined).toEqual([])
  await world.source.close()
})

const STEPS = [{ id: 'read', tool: 'a_read' }]

test('templates and pipelines are in the snapshot; a change of theirs is a new one, a bad one hurts nothing else', async () => {
  const store = new MemoryDocuments()
  const template = { tenantId: 'acme', server: { transport: 'stdio', command: 'x' } }
  store.put({
    'catalog_snapshots/confirm-tenants': {},
    'mcp_servers/a': server(),
    'mcp_templates/t1': template,
  })
  const world = new World(store)
  await world.start()
  expect(Object.fromEntries(world.last.templates)).toEqual({
    t1: { name: 't1', ...template },
  })
  store.put({
    'pipelines/p1': { tenantId: '*', name: 'digest', steps: STEPS },
    'pipelines/p2': { steps: STEPS },
  })
  await world.run()
  expect(world.last.generation).toBe(2)
  expect(Object.fromEntries(world.last.pipelines)).toMatchObject({
    p1: { tenantId: '*', name: 'digest', steps: STEPS },
  })
  expect(world.last.quarantined).toMatchObject([{ id: 'pipelines/p2', tenantId: undefined }])
  store.put({ 'pipelines/p1': { tenantId: '*', name: 'digest', steps: STEPS } })
  await world.run()
  expect(world.snapshots).toHaveLength(2)
  store.put({ 'tenants/globex': {} })
  await world.run()
  expect([...world.last.templates.keys(), ...world.last.pipelines.keys()]).toEqual(['p1'])
  expect(world.last.quarantined).toMatchObject([
    { id: 'a' },
    { id: 'templates/t1', tenantId: 'acme', reason: 'tenantId: there is no tenant acme' },
    { id: 'pipelines/p2' },
  ])
  await world.source.close()
})

test('a mass removal of templates is held back like one of servers', async () => {
  const store = new MemoryDocuments()
  const template = { tenantId: 'acme', server: { transport: 'stdio', command: 'x' } }
  store.put({ 'mcp_templates/a': template, 'mcp_templates/b': template, 'mcp_templates/c': template })
  const world = new World(store)
  await world.start()
  store.put({
    'mcp_templates/a': undefined,
    'mcp_templates/b': undefined,
    'mcp_templates/c': undefined,
    'mcp_servers/new': server(),
  })
  await world.run()
  expect(world.servers).toBe('acme/new')
  expect(world.last.templates.size).toBe(3)
  expect(world.source.status.held).toBe(3)
  await world.source.close()
})

test('a mass removal is held back where operators see it, while edits take effect; it stands after 10 minutes', async () => {
  const store = new MemoryDocuments()
  store.put(four)
  const world = new World(store)
  await world.start()
  store.put({ ...threeGone, 'mcp_servers/d': server({ enabled: false }) })
  await world.run()
  expect(world.servers).toBe('acme/a acme/b acme/c acme/d')
  expect(world.last.servers.get('acme/d')?.enabled).toBe(false)
  expect(world.source.status.held).toBe(3)
  expect(world.last.quarantined.map(({ id, lastGoodServes }) => `${id} ${lastGoodServes}`)).toEqual([
    'a true',
    'b true',
    'c true',
  ])
  expect(world.last.quarantined[0]?.reason).toMatch(
    /held back until 2026-01-01T00:1\d.*Z or confirmed \(\w{12}\)$/,
  )
  await world.run(590_000)
  expect(world.source.status.held).toBe(3)
  await world.run(15_000)
  expect(world.servers).toBe('acme/d')
  expect(world.source.status.held).toBe(0)
  await world.source.close()
})

test('a mass removal takes effect when an operator confirms it', async () => {
  const store = new MemoryDocuments()
  store.put(four)
  const world = new World(store)
  await world.start()
  store.put(threeGone)
  await world.run()
  const hold = /\((\w+)\)$/.exec(world.last.quarantined[0]?.reason ?? '')?.[1] ?? ''
  store.put({ [`catalog_snapshots/confirm-${hold}`]: {} })
  await world.run(2500)
  expect(world.servers).toBe('acme/d')
  await world.source.close()
})

test('after closing there is no snapshot any more', async () => {
  const store = new MemoryDocuments()
  const world = new World(store)
  await world.start()
  await world.source.close()
  await world.source.close()
  store.put({ 'mcp_servers/a': server() })
  await world.run()
  expect(world.snapshots).toHaveLength(1)
})
