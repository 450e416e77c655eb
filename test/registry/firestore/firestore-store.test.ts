import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Firestore } from '@google-cloud/firestore'
import { systemClock } from '../../../src/domain/clock.ts'
import { FirestoreStore } from '../../../src/registry/firestore/firestore-store.ts'
import { type FirestoreClient, openFirestore } from '../../../src/firestore/firestore.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { describeWithEmulator } from '../../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../../support/firestore-emulator.ts'

const http = (name: string, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  name,
  tenantId: 'acme',
  transport: 'sse',
  url: 'https://x.example.com/',
  ...fields,
})

describeWithEmulator('the registry in Firestore', () => {
  let emulator: FirestoreEmulator
  let client: FirestoreClient
  let store: FirestoreStore
  let project = 0

  beforeAll(async () => {
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
  })

  beforeEach(() => {
    project += 1
    client = openFirestore({ projectId: `demo-registry-store-${project}`, databaseId: '(default)' })
    store = new FirestoreStore({ db: client.db, clock: systemClock })
  })

  afterEach(() => client.close())
  afterAll(() => emulator.stop())

  const raw = async (id: string): Promise<unknown> =>
    (await client.db.collection('mcp_servers').doc(id).get()).data()

  test('creates documents under <tenant>.<name>, and all.<name> for all tenants', async () => {
    const created = await store.create(http('a'))
    expect(created).toEqual({ tenantId: 'acme', name: 'a', document: http('a'), etag: created.etag })
    expect(await store.get('acme', 'a')).toEqual(created)
    expect(await raw('acme.a')).toEqual(http('a'))
    await store.create(http('a', { tenantId: '*' }))
    expect(await raw('all.a')).toEqual(http('a', { tenantId: '*' }))
    expect((await store.list()).map(({ tenantId, name }) => [tenantId, name])).toEqual([
      ['acme', 'a'],
      ['*', 'a'],
    ])
  })

  test('finds documents with ids of their own, by fields or by the id that is their name', async () => {
    const servers = client.db.collection('mcp_servers')
    await servers.doc('my own id').set(http('a'))
    const { name: _name, ...nameless } = http('b')
    await servers.doc('b').set(nameless)
    expect(await store.get('acme', 'a')).toMatchObject({ document: http('a') })
    expect(await store.get('acme', 'b')).toMatchObject({ name: 'b', document: http('b') })
    expect(await store.get('globex', 'b')).toBeUndefined()
    await expect(store.create(http('a'))).rejects.toMatchObject({ code: 'already_exists' })
    await expect(store.create(http('b'))).rejects.toMatchObject({ code: 'already_exists' })
    const a = await store.get('acme', 'a')
    await store.replace(http('a', { timeoutMs: 5 }), a?.etag ?? '')
    expect(await raw('my own id')).toEqual(http('a', { timeoutMs: 5 }))
  })

  test('replaces the whole document: members and fields that are gone go', async () => {
    const { etag } = await store.create(
      http('a', { headers: { 'x.y': '1', z: '2' }, tools: { 'a.b': { timeoutMs: 1 } }, timeoutMs: 1 }),
    )
    const after = http('a', { headers: { 'x.y': '1' }, tools: { 'a.b': {} }, requiredRoles: ['r'] })
    const replaced = await store.replace(after, etag)
    expect(await raw('acme.a')).toEqual(after)
    expect(await store.get('acme', 'a')).toEqual(replaced)
    expect(replaced.etag).not.toBe(etag)
    expect(await store.replace(after, replaced.etag)).toEqual(replaced)
  })

  test('refuses every write that is meant for another version', async () => {
    const { etag } = await store.create(http('a'))
    const { etag: current } = await store.replace(http('a', { timeoutMs: 5 }), etag)
    for (const old of [etag, 'x', '', '1.1']) {
      await expect(store.replace(http('a'), old)).rejects.toMatchObject({ code: 'precondition_failed' })
      await expect(store.remove('acme', 'a', old)).rejects.toMatchObject({ code: 'precondition_failed' })
    }
    await store.remove('acme', 'a', current)
    expect(await raw('acme.a')).toBeUndefined()
    await expect(store.remove('acme', 'a', current)).rejects.toMatchObject({ code: 'server_not_found' })
    await expect(store.replace(http('a'), current)).rejects.toMatchObject({ code: 'server_not_found' })
  })

  test('lets one of several concurrent writers win, and tells the others', async () => {
    const creations = await Promise.allSettled(
      [1, 2, 3].map((timeoutMs) => store.create(http('a', { timeoutMs }))),
    )
    expect(creations.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const codes = (outcomes: PromiseSettledResult<unknown>[]): unknown[] =>
      outcomes
        .filter((one) => one.status === 'rejected')
        .map(({ reason }) => (reason as { code: string }).code)
    expect(codes(creations)).toEqual(['already_exists', 'already_exists'])
    const { etag = '' } = (await store.get('acme', 'a')) ?? {}
    const edits = await Promise.allSettled(
      [10, 20, 30].map((timeoutMs) => store.replace(http('a', { timeoutMs }), etag)),
    )
    expect(codes(edits)).toEqual(['precondition_failed', 'precondition_failed'])
  })

  test('says what Firestore cannot hold', async () => {
    await expect(store.create(http('a', { retry: { on: [[1]] } }))).rejects.toMatchObject({
      code: 'invalid_document',
    })
    await expect(store.create(http('a', { description: 'x'.repeat(1_100_000) }))).rejects.toMatchObject({
      code: 'invalid_document',
    })
  })
})

test('a store that does not answer is given up within own deadlines', async () => {
  const silent: Promise<never> = new Promise(() => {})
  const query = { where: () => query, doc: () => query, get: () => silent, create: () => silent }
  const clock = new FakeClock()
  const store = new FirestoreStore({ db: { collection: () => query } as unknown as Firestore, clock })
  const found = store.get('acme', 'a').catch((error: unknown) => error)
  const list = store.list().catch((error: unknown) => error)
  await clock.advance(3000)
  expect(await found).toMatchObject({ code: 'store_unavailable', facts: {} })
  await clock.advance(12_000)
  expect(await list).toMatchObject({ code: 'store_unavailable' })
})

test('a write without a response may have happened, and says so', async () => {
  const silent: Promise<never> = new Promise(() => {})
  const nothing = { docs: [], exists: false, id: 'a' }
  const query = {
    where: () => query,
    doc: () => query,
    get: () => Promise.resolve(nothing),
    create: () => silent,
  }
  const clock = new FakeClock()
  const store = new FirestoreStore({ db: { collection: () => query } as unknown as Firestore, clock })
  const created = store.create(http('a')).catch((error: unknown) => error)
  await clock.advance(5000)
  expect(await created).toMatchObject({ code: 'store_unavailable', facts: { mayHaveExecuted: true } })
})
