import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { systemClock } from '../../src/domain/clock.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { FirestoreSource } from '../../src/registry/firestore/firestore-source.ts'
import { TenantDirectory } from '../../src/registry/tenants.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { firestoreDocuments } from '../../src/firestore/firestore-documents.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { silentLogger } from '../support/silent-logger.ts'

const PROJECT = 'demo-registry'
const server = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  tenantId: 'acme',
  transport: 'stdio',
  command: 'node',
  ...fields,
})
const claims = { tenant: 'tenant_id', roles: 'roles', scope: 'scope', agent: 'agent', agents: 'agents' }

describeWithEmulator('with the Firestore emulator', () => {
  let emulator: FirestoreEmulator
  let dir: string
  const opened: { close(): Promise<void> }[] = []

  beforeAll(async () => {
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
  })
  afterAll(() => emulator.stop())
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tool-gateway-'))
  })
  afterEach(async () => {
    // Sources stand before clients, and end first, as in the gateway.
    for (const it of opened.splice(0)) await it.close()
    await rm(dir, { recursive: true, force: true })
    await emulator.clear(PROJECT)
  })

  const open = (): FirestoreClient['db'] => {
    const client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
    opened.push(client)
    return client.db
  }

  const starting = async (): Promise<{
    source: FirestoreSource
    directory: TenantDirectory
    snapshots: Snapshot[]
    keys: () => string
  }> => {
    const snapshots: Snapshot[] = []
    const directory = new TenantDirectory({
      defaults: { audience: 'gateway', algorithms: ['RS256'], claims, maxTokenHours: 24 },
      reservedIssuers: [],
    })
    const source = new FirestoreSource({
      store: firestoreDocuments(open(), { clock: systemClock, deadlineMs: 1000 }),
      directory,
      lastGoodFile: join(dir, 'last-good.json'),
      database: `${PROJECT}/(default)`,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      probeMs: 300,
    })
    opened.unshift(source)
    await source.start((snapshot) => snapshots.push(snapshot))
    const keys = (): string => [...(snapshots.at(-1)?.servers.keys() ?? [])].toSorted().join(' ')
    return { source, directory, snapshots, keys }
  }

  test('a created, edited and deleted document is seen', async () => {
    const db = open()
    await db.doc('mcp_servers/first').set(server())
    const { snapshots, keys } = await starting()
    await eventually(() => keys() === 'acme/first')
    await db.doc('mcp_servers/second').set(server())
    await eventually(() => keys() === 'acme/first acme/second')
    await db.doc('mcp_servers/second').update({ description: 'edited' })
    await eventually(() => snapshots.at(-1)?.servers.get('acme/second')?.description === 'edited')
    await db.doc('mcp_servers/second').delete()
    await eventually(() => keys() === 'acme/first')
    await db.doc('mcp_servers/first').delete()
    await eventually(() => keys() === '')
    expect(snapshots.map(({ generation }) => generation)).toEqual([1, 2, 3, 4, 5])
  })

  test('the reason of an invalid document is written beside it once, and no write of ours starts another round', async () => {
    const db = open()
    await db.doc('mcp_servers/bad').set(server({ command: 5, createdAt: new Date() }))
    await db.doc('mcp_servers/stranger').set(server({ tenantId: 'globex' }))
    await db.doc('tenants/acme').set({ issuers: [{ issuer: 'https://id.acme.example' }] })
    const { snapshots, directory } = await starting()
    const status = await eventually(async () => {
      const [bad, stranger] = await Promise.all(
        ['bad', 'stranger'].map((id) => db.doc(`mcp_server_status/${id}`).get()),
      )
      return bad?.exists && stranger?.exists ? { bad, stranger } : undefined
    })
    expect(status.bad.data()).toMatchObject({ tenantId: 'acme', state: 'quarantined' })
    expect(status.bad.get('reason')).toMatch(/command: .*unknown field "createdAt"/)
    expect(status.stranger.get('reason')).toBe('tenantId: there is no tenant globex')
    expect(directory.snapshot.byId.get('acme')?.issuers).toMatchObject([
      { issuer: 'https://id.acme.example', tenants: ['acme'] },
    ])
    await db.doc('mcp_servers/good').set(server())
    await eventually(() => snapshots.at(-1)?.servers.has('acme/good'))
    const again = await db.doc('mcp_server_status/bad').get()
    expect(again.updateTime?.isEqual(status.bad.updateTime ?? again.createTime ?? never())).toBe(true)
    expect(snapshots).toHaveLength(2)
  })

  test('an emulator that is killed and comes back empty drops no server: stale, then live, removals held', async () => {
    const db = open()
    await db.doc('mcp_servers/a').set(server())
    await db.doc('mcp_servers/b').set(server())
    await db.doc('tenants/acme').set({})
    const { source, directory, keys } = await starting()
    await eventually(() => keys() === 'acme/a acme/b' && source.status.state === 'live')
    await eventually(async () => (await db.doc('catalog_snapshots/last-good').get()).exists)
    await emulator.stop()
    await eventually(() => source.status.state === 'stale')
    expect(keys()).toBe('acme/a acme/b')
    emulator = await startFirestoreEmulator({ port: emulator.port })
    await eventually(() => source.status.state === 'live' && source.status.held === 3)
    expect(keys()).toBe('acme/a acme/b')
    expect(directory.snapshot.byId.has('acme')).toBe(true)
    const fresh = open()
    await fresh.doc('mcp_servers/c').set(server())
    await eventually(() => keys() === 'acme/a acme/b acme/c')
  })

  test('a start with the store down is not ready until it comes, and with a last good registry at once', async () => {
    await emulator.stop()
    const cold = await starting()
    expect(cold.snapshots).toEqual([])
    expect(cold.source.status.state).toBe('stale')
    emulator = await startFirestoreEmulator({ port: emulator.port })
    await eventually(() => cold.snapshots.length === 1 && cold.source.status.state === 'live')
    await open().doc('mcp_servers/a').set(server())
    await eventually(() => cold.keys() === 'acme/a')
    await cold.source.close()

    await emulator.stop()
    const warm = await starting()
    expect(warm.keys()).toBe('acme/a')
    expect(warm.source.status.state).toBe('stale')
    emulator = await startFirestoreEmulator({ port: emulator.port })
    await eventually(() => warm.source.status.state === 'live')
    expect(warm.keys()).toBe('acme/a')
  })
})

function never(): never {
  throw new Error('a document that exists has its times')
}
