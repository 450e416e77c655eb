import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type DocumentData, FieldPath, FieldValue, Filter, Timestamp } from '@google-cloud/firestore'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { describeWithEmulator } from './describe-with-emulator.ts'
import { eventually } from './eventually.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from './firestore-emulator.ts'

// On the emulator these tests show that what is expected of the stand-in is what Firestore does.
describeWithEmulator('Firestore, as the tests know it,', () => {
  const PROJECT = 'demo-stand-in'
  const ALREADY_EXISTS = { code: 6 }
  const NOT_FOUND = { code: 5 }
  const FAILED_PRECONDITION = { code: 9 }
  const INVALID_ARGUMENT = { code: 3 }
  let emulator: FirestoreEmulator
  let client: FirestoreClient

  beforeAll(async () => {
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
  })
  afterAll(async () => {
    await client.close()
    await emulator.stop()
  })
  beforeEach(() => emulator.clear(PROJECT))

  const read = async (path: string): Promise<DocumentData | undefined> =>
    (await client.db.doc(path).get()).data()

  describe('writes', () => {
    test('replace, change what is named, and remove', async () => {
      const document = client.db.doc('c/a')
      await document.set({ a: 1, b: { c: 2, 'd.e': 3 }, f: [1, { g: null }] })
      await document.update({ 'b.c': 5, 'x.y': 'new', f: FieldValue.delete() })
      expect(await read('c/a')).toEqual({ a: 1, b: { c: 5, 'd.e': 3 }, x: { y: 'new' } })
      await document.update(new FieldPath('b', 'd.e'), FieldValue.delete())
      expect(await read('c/a')).toEqual({ a: 1, b: { c: 5 }, x: { y: 'new' } })
      await document.set({ b: { h: true } }, { merge: true })
      expect(await read('c/a')).toEqual({ a: 1, b: { c: 5, h: true }, x: { y: 'new' } })
      await document.set({ z: 1 })
      expect(await read('c/a')).toEqual({ z: 1 })
      await document.delete()
      expect(await read('c/a')).toBeUndefined()
    })

    test('keep values of every type', async () => {
      const value = {
        integer: 9_007_199_254_740_991,
        double: -0.5,
        nan: Number.NaN,
        text: 'ä😀',
        time: new Timestamp(1_700_000_000, 123_456_000),
        bytes: Buffer.from([0, 255]),
        reference: client.db.doc('c/b'),
        empty: { list: [], map: {}, text: '', no: false, zero: 0, null: null },
      }
      await client.db.doc('c/a').set(value)
      expect(await read('c/a')).toEqual(value)
    })

    test('fail unless their precondition holds', async () => {
      const document = client.db.doc('c/a')
      await expect(document.update({ a: 1 })).rejects.toMatchObject(NOT_FOUND)
      const lastUpdateTime = new Timestamp(1, 0)
      await expect(document.update({ a: 1 }, { lastUpdateTime })).rejects.toMatchObject(FAILED_PRECONDITION)
      const created = await document.create({ a: 1 })
      await expect(document.create({ a: 2 })).rejects.toMatchObject(ALREADY_EXISTS)
      await expect(document.delete({ lastUpdateTime })).rejects.toMatchObject(FAILED_PRECONDITION)
      const changed = await document.update({ a: 3 }, { lastUpdateTime: created.writeTime })
      expect(changed.writeTime.valueOf() > created.writeTime.valueOf()).toBe(true)
      await document.delete({ lastUpdateTime: changed.writeTime })
      expect(await read('c/a')).toBeUndefined()
    })

    test('tell the time of the last change, which is not later for a write that changes nothing', async () => {
      const document = client.db.doc('c/a')
      const { writeTime: first } = await document.set({ a: 1 })
      const { writeTime: second } = await document.set({ a: 1 })
      expect(second.isEqual(first)).toBe(true)
      const { writeTime: third } = await document.set({ a: 2 })
      const { createTime, updateTime } = await document.get()
      expect([createTime, updateTime]).toEqual([first, third])
    })

    test('are done together or not at all', async () => {
      const { db } = client
      await db.doc('c/there').set({ a: 1 })
      const batch = db.batch().set(db.doc('c/a'), { a: 1 }).create(db.doc('c/there'), {})
      await expect(batch.commit()).rejects.toMatchObject(ALREADY_EXISTS)
      expect(await read('c/a')).toBeUndefined()
      await db.batch().create(db.doc('c/a'), { a: 1 }).update(db.doc('c/a'), { b: 2 }).commit()
      expect(await read('c/a')).toEqual({ a: 1, b: 2 })
    })

    test('in bulk are done each for itself', async () => {
      const { db } = client
      await db.doc('c/there').set({ a: 1 })
      const bulk = db.bulkWriter({ throttling: false })
      const outcomes = Promise.allSettled([
        bulk.create(db.doc('c/a'), { a: 1 }),
        bulk.create(db.doc('c/there'), {}),
      ])
      await bulk.close()
      expect(await outcomes).toMatchObject([{ status: 'fulfilled' }, { reason: ALREADY_EXISTS }])
      expect(await read('c/a')).toEqual({ a: 1 })
    })

    test('compute values from what is there', async () => {
      const document = client.db.doc('c/a')
      await document.set({ n: 1, list: [1, 2] })
      await document.update({
        n: FieldValue.increment(2),
        fresh: FieldValue.increment(0.5),
        list: FieldValue.arrayUnion(2, 3),
        gone: FieldValue.arrayRemove(1),
        at: FieldValue.serverTimestamp(),
      })
      const at: unknown = expect.any(Timestamp)
      expect(await read('c/a')).toEqual({ n: 3, fresh: 0.5, list: [1, 2, 3], gone: [], at })
      await document.set({ list: FieldValue.arrayRemove(1, 3) }, { merge: true })
      expect(await read('c/a')).toMatchObject({ n: 3, list: [2] })
    })

    test('are refused when a document is too large', async () => {
      const half = 'x'.repeat(600_000)
      const document = client.db.doc('c/a')
      await expect(document.set({ half })).resolves.toBeDefined()
      await expect(document.set({ half, other: half })).rejects.toMatchObject(INVALID_ARGUMENT)
      await expect(document.set({ long: half + half })).rejects.toMatchObject(INVALID_ARGUMENT)
    })
  })

  test('a transaction whose reads changed meanwhile is tried again', async () => {
    const { db } = client
    const document = db.doc('c/n')
    await document.set({ n: 0 })
    const increment = (): Promise<number> =>
      db.runTransaction(async (transaction) => {
        const n = Number((await transaction.get(document)).get('n')) + 1
        transaction.update(document, { n })
        return n
      })
    const sums = await Promise.all([increment(), increment(), increment()])
    expect(sums.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
    expect(await read('c/n')).toEqual({ n: 3 })
    const failed = db.runTransaction(async (transaction) => {
      await transaction.get(db.collection('c').where('n', '==', 3))
      transaction.create(document, {})
    })
    await expect(failed).rejects.toMatchObject(ALREADY_EXISTS)
  })

  describe('queries', () => {
    beforeEach(async () => {
      const { db } = client
      const batch = db.batch()
      const documents = {
        'c/a': { n: 1, kind: 'x', tags: ['red', 'blue'], map: { in: 1 } },
        'c/b': { n: 2, kind: 'y', tags: ['red'] },
        'c/c': { n: 2.5, kind: 'x', tags: [] },
        'c/d': { n: 'text', kind: null },
        'c/e': { kind: 'z' },
        'c/e/c/below': { n: 2 },
        'cc/other': { n: 2 },
      }
      for (const [path, value] of Object.entries(documents)) batch.set(db.doc(path), value)
      await batch.commit()
    })
    const c = (): ReturnType<FirestoreClient['db']['collection']> => client.db.collection('c')
    const ids = async (query: { get(): Promise<{ docs: { id: string }[] }> }): Promise<string> =>
      (await query.get()).docs.map(({ id }) => id).join(' ')

    test('find what every, or one, condition holds for', async () => {
      expect(await ids(c())).toBe('a b c d e')
      expect(await ids(c().where('kind', '==', 'x'))).toBe('a c')
      expect(await ids(c().where('kind', '==', 'x').where('n', '>', 1))).toBe('c')
      expect(await ids(c().where('n', '<=', 2))).toBe('a b')
      expect(await ids(c().where('n', '>=', 'a'))).toBe('d')
      expect(await ids(c().where('kind', '!=', 'x'))).toBe('b e')
      expect(await ids(c().where('kind', 'in', ['z', 'y']))).toBe('b e')
      expect(await ids(c().where('kind', 'not-in', ['z', 'y']))).toBe('a c')
      expect(await ids(c().where('kind', '==', null))).toBe('d')
      expect(await ids(c().where('tags', 'array-contains', 'red'))).toBe('a b')
      expect(await ids(c().where('tags', 'array-contains-any', ['blue', 'green']))).toBe('a')
      expect(await ids(c().where('map.in', '==', 1))).toBe('a')
      expect(await ids(c().where(FieldPath.documentId(), '>', 'c'))).toBe('d e')
      const either = Filter.or(Filter.where('n', '==', 1), Filter.where('kind', '==', 'z'))
      expect(await ids(c().where(either))).toBe('a e')
      expect(await ids(client.db.collectionGroup('c').where('n', '==', 2))).toBe('b below')
    })

    test('sort by values, across types, and last by name', async () => {
      expect(await ids(c().orderBy('n'))).toBe('a b c d')
      expect(await ids(c().orderBy('n', 'desc'))).toBe('d c b a')
      expect(await ids(c().orderBy('kind'))).toBe('d a c b e')
      expect(await ids(c().orderBy('kind', 'desc'))).toBe('e b c a d')
      expect(await ids(c().orderBy('kind', 'desc').orderBy('n'))).toBe('b a c d')
    })

    test('give a part, from a cursor or by number', async () => {
      const sorted = c().orderBy('n')
      expect(await ids(sorted.limit(2))).toBe('a b')
      expect(await ids(sorted.offset(1).limit(2))).toBe('b c')
      expect(await ids(sorted.limitToLast(2))).toBe('c d')
      expect(await ids(sorted.startAt(2))).toBe('b c d')
      expect(await ids(sorted.startAfter(2).endBefore('text'))).toBe('c')
      expect(await ids(sorted.endAt(2))).toBe('a b')
      const newest = c().orderBy('kind', 'desc').orderBy(FieldPath.documentId(), 'desc')
      expect(await ids(newest.startAfter('x', 'c'))).toBe('a d')
      const { docs } = await c().where('n', '==', 1).select('map.in', 'kind').get()
      expect(docs.map((document) => document.data())).toEqual([{ kind: 'x', map: { in: 1 } }])
    })
  })

  describe('listeners', () => {
    test('of a query hear its documents, and each change to them', async () => {
      const { db } = client
      await db.doc('c/a').set({ n: 1 })
      const heard: string[] = []
      const query = db.collection('c').where('n', '>', 0).orderBy('n').limit(2)
      const end = query.onSnapshot((snapshot) => {
        heard.push(
          snapshot
            .docChanges()
            .map(({ type, doc }) => `${type} ${doc.id}`)
            .join(', '),
        )
      })
      const hears = (count: number): Promise<unknown> => eventually(() => heard.length === count)
      await hears(1)
      await db.batch().set(db.doc('c/b'), { n: 2 }).set(db.doc('c/c'), { n: 3 }).commit()
      await hears(2)
      await db.doc('c/b').update({ other: 1 })
      await hears(3)
      await db.doc('other/x').set({ n: 1 })
      await db.doc('c/a').delete()
      await hears(4)
      await db.doc('c/b').update({ n: 0 })
      await hears(5)
      end()
      expect(heard).toEqual(['added a', 'added b', 'modified b', 'removed a, added c', 'removed b'])
    })

    test('of a document hear when it comes, changes and goes', async () => {
      const { db } = client
      const heard: unknown[] = []
      const end = db.doc('c/a').onSnapshot((snapshot) => heard.push(snapshot.data() ?? 'none'))
      await eventually(() => heard.length === 1)
      await db.doc('c/a').set({ a: 1 })
      await eventually(() => heard.length === 2)
      await db.doc('c/b').set({ a: 2 })
      await db.doc('c/a').delete()
      await eventually(() => heard.length === 3)
      end()
      expect(heard).toEqual(['none', { a: 1 }, 'none'])
    })

    test('of a Firestore that was killed and begins empty hear that the documents are gone', async () => {
      const { db } = client
      await db.doc('c/a').set({ a: 1 })
      const heard: number[] = []
      const end = db.collection('c').onSnapshot(({ size }) => heard.push(size))
      await eventually(() => heard.length === 1)
      await emulator.stop()
      emulator = await startFirestoreEmulator({ port: emulator.port })
      await eventually(() => heard.length === 2, { timeoutMs: 60_000 })
      end()
      expect(heard).toEqual([1, 0])
    }, 180_000)
  })

  test('what is asked of a frozen Firestore is answered when it goes on', async () => {
    const document = client.db.doc('c/a')
    await document.set({ a: 1 })
    emulator.freeze()
    let isAnswered = false
    const answer = document.get().finally(() => (isAnswered = true))
    // The way of a request through the sockets of loopback takes some turns of the event loop.
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(isAnswered).toBe(false)
    emulator.thaw()
    expect((await answer).data()).toEqual({ a: 1 })
  })
})
