import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { MemoryDocuments } from '../support/memory-documents.ts'
import { folder, four, server, threeGone, World } from './firestore-world.ts'

test('a start without the store and without a last good registry has no snapshot until the store comes', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  store.isDown = true
  const world = new World(store)
  await world.start()
  expect(world.snapshots).toEqual([])
  expect(world.source.status.state).toBe('stale')
  store.isDown = false
  await world.run(5000)
  expect(world.servers).toBe('acme/a')
  expect(world.source.status).toMatchObject({ state: 'live', staleSince: undefined })
  await world.source.close()
})

test('a start without the store serves the last good registry, with its tenants and repaired documents, stale', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server(), 'mcp_servers/b': server(), 'tenants/acme': {} })
  const before = new World(store)
  await before.start()
  store.put({ 'mcp_servers/b': server({ command: 5 }) })
  await before.run()
  await before.source.close()
  expect((await stat(join(folder.path, 'last-good.json'))).mode & 0o777).toBe(0o600)

  store.isDown = true
  const after = new World(store)
  await after.start()
  expect(after.servers).toBe('acme/a acme/b')
  expect(after.last.quarantined).toMatchObject([{ id: 'b', lastGoodServes: true }])
  expect(after.directory.snapshot.byId.has('acme')).toBe(true)
  expect(after.source.status.state).toBe('stale')
  store.isDown = false
  store.put({ 'mcp_servers/a': undefined })
  await after.run(5000)
  expect(after.servers).toBe('acme/b')
  expect(after.source.status.state).toBe('live')
  await after.source.close()
})

test('templates and pipelines of the last good registry are there without the store, and after a wipe', async () => {
  const store = new MemoryDocuments()
  store.put({
    'mcp_templates/t': { tenantId: 'acme', server: { transport: 'stdio', command: 'x' } },
    'pipelines/p': { tenantId: 'acme', steps: [{ id: 'read', tool: 'a_read' }] },
  })
  const before = new World(store)
  await before.start()
  await before.source.close()
  store.isDown = true
  const after = new World(store)
  await after.start()
  expect(after.last.templates.get('t')).toEqual({
    name: 't',
    tenantId: 'acme',
    server: { transport: 'stdio', command: 'x' },
  })
  expect([...after.last.pipelines.keys()]).toEqual(['p'])
  store.wipe()
  store.isDown = false
  await after.run(5000)
  expect(after.source.status).toMatchObject({ state: 'live', held: 2 })
  expect([after.last.templates.size, after.last.pipelines.size]).toEqual([1, 1])
  expect(after.last.quarantined).toMatchObject([
    { id: 'templates/t', tenantId: 'acme', lastGoodServes: true },
    { id: 'pipelines/p', tenantId: 'acme', lastGoodServes: true },
  ])
  await after.source.close()
})

test('a last good file of an older or a newer version is used', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  const before = new World(store)
  await before.start()
  await before.source.close()
  const file = join(folder.path, 'last-good.json')
  const saved = JSON.parse(await readFile(file, 'utf8')) as { content: Record<string, unknown> }
  const { templates: _templates, pipelines: _pipelines, ...content } = saved.content
  await writeFile(file, JSON.stringify({ ...saved, content: { ...content, toCome: [] } }))
  store.isDown = true
  const after = new World(store)
  await after.start()
  expect(after.servers).toBe('acme/a')
  expect(after.last.templates.size).toBe(0)
  await after.source.close()
})

test.each([
  ['is broken', (text: string) => text.slice(0, -1)],
  ['is about another database', (text: string) => text.replace('demo/', 'other/')],
])('a last good file that %s is not used', async (_case, spoil) => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  const before = new World(store)
  await before.start()
  await before.source.close()
  const file = join(folder.path, 'last-good.json')
  await writeFile(file, spoil(await readFile(file, 'utf8')))
  store.isDown = true
  const after = new World(store)
  await after.start()
  expect(after.snapshots).toEqual([])
  await after.source.close()
})

test('a store that was wiped drops no server, however few, until its documents are back or it is confirmed', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server(), 'tenants/acme': {} })
  const world = new World(store)
  await world.start()
  store.isDown = true
  await world.run(20_000)
  expect(world.source.status.state).toBe('stale')
  store.wipe()
  store.isDown = false
  await world.run(5000)
  expect(world.source.status).toMatchObject({ state: 'live', held: 2 })
  expect(world.last.quarantined).toMatchObject([
    { id: 'a', tenantId: 'acme', reason: expect.stringMatching(/held back until confirmed \(\w{12}\)$/) },
    { id: 'tenants/acme', tenantId: 'acme', lastGoodServes: true },
  ])
  expect(world.servers).toBe('acme/a')
  expect(world.directory.snapshot.byId.has('acme')).toBe(true)
  await world.run(3_600_000)
  expect(world.servers).toBe('acme/a')

  store.put({ 'mcp_servers/a': server(), 'tenants/acme': {} })
  await world.run()
  expect(world.source.status.held).toBe(0)
  store.put({ 'mcp_servers/a': undefined })
  await world.run()
  expect(world.servers).toBe('')
  await world.source.close()
})

test('a start on a wiped store drops nothing of the last good file either', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  const before = new World(store)
  await before.start()
  await before.source.close()
  store.wipe()
  const after = new World(store)
  await after.start()
  expect(after.servers).toBe('acme/a')
  expect(after.source.status).toMatchObject({ state: 'live', held: 1 })
  await after.source.close()
})

test('a new gateway without a file knows from the others what a mass removal is, in chunks of 900 kB', async () => {
  const store = new MemoryDocuments()
  const args = Array.from({ length: 15 }, (_, index) => `${index}`.padEnd(32_000, 'é'))
  store.put({ ...four, 'mcp_servers/a': server({ args }), 'mcp_servers/b': server({ args }) })
  const first = new World(store)
  await first.start()
  await first.run(6000)
  expect(store.read('catalog_snapshots/last-good')).toMatchObject({ chunks: 3 })
  await first.source.close()
  store.put(threeGone)
  const second = new World(store, { file: join(folder.path, 'second.json') })
  await second.start()
  expect(second.servers).toBe('acme/a acme/b acme/c acme/d')
  expect(second.source.status.held).toBe(3)
  await second.source.close()
})

test('what was removed one by one while a gateway was away is not brought back from its file', async () => {
  const store = new MemoryDocuments()
  store.put(four)
  const away = new World(store)
  await away.start()
  await away.source.close()
  const other = new World(store, { file: join(folder.path, 'other.json') })
  await other.start()
  for (const path of Object.keys(threeGone)) {
    store.put({ [path]: undefined })
    await other.run()
  }
  await other.run(6000)
  const back = new World(store)
  await back.start()
  expect(back.servers).toBe('acme/d')
  await other.source.close()
  await back.source.close()
})

test('a store that was wiped unnoticed drops nothing either, and is trusted again once the documents are back', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server() })
  const world = new World(store)
  await world.start()
  store.wipe()
  store.put({ 'mcp_servers/b': server() })
  await world.run()
  expect(world.servers).toBe('acme/a acme/b')
  store.put({ 'mcp_servers/a': server() })
  await world.run()
  store.put({ 'mcp_servers/a': undefined })
  await world.run()
  expect(world.servers).toBe('acme/b')
  await world.source.close()
})

test('a store that was wiped and filled again during an outage is trusted at once', async () => {
  const store = new MemoryDocuments()
  store.put({ 'mcp_servers/a': server(), 'mcp_servers/b': server() })
  const world = new World(store)
  await world.start()
  store.isDown = true
  await world.run(20_000)
  store.wipe()
  store.put({ 'mcp_servers/a': server(), 'mcp_servers/b': server() })
  store.isDown = false
  await world.run(5000)
  store.put({ 'mcp_servers/a': undefined })
  await world.run()
  expect(world.servers).toBe('acme/b')
  await world.source.close()
})
