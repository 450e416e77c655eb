import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Timestamp } from '@google-cloud/firestore'
import { systemClock } from '../../src/domain/clock.ts'
import type { DocumentStore } from '../../src/firestore/document-store.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { firestoreDocuments } from '../../src/firestore/firestore-documents.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'

describeWithEmulator('documents of Firestore', () => {
  let emulator: FirestoreEmulator
  let client: FirestoreClient
  let documents: DocumentStore

  beforeAll(async () => {
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    client = openFirestore({ projectId: 'demo-documents', databaseId: '(default)' })
    documents = firestoreDocuments(client.db, { clock: systemClock })
  })
  afterAll(async () => {
    await client.close()
    await emulator.stop()
  })

  test('are JSON, whatever types they are of', async () => {
    await client.db.doc('types/a').set({
      time: Timestamp.fromDate(new Date('2026-01-02T03:04:05Z')),
      bytes: Buffer.from('hi'),
      reference: client.db.doc('types/b'),
      numbers: [1.5, NaN],
      nothing: null,
      nested: { yes: true },
    })
    expect((await documents.get('types/a'))?.value).toEqual({
      time: '2026-01-02T03:04:05.000Z',
      bytes: 'aGk=',
      reference: 'types/b',
      numbers: [1.5, null],
      nothing: null,
      nested: { yes: true },
    })
  })

  test('are created once, replaced, found by a field and deleted; each change makes a new version', async () => {
    expect(await documents.create('things/a', { kind: 'x' })).toBe(true)
    expect(await documents.create('things/a', { kind: 'y' })).toBe(false)
    const [found] = await documents.where('things', 'kind', 'x')
    expect(found).toMatchObject({ id: 'a', value: { kind: 'x' } })
    await documents.set('things/a', { kind: 'z' })
    expect((await documents.get('things/a'))?.version).not.toBe(found?.version)
    await documents.delete('things/a')
    expect(await documents.get('things/a')).toBeUndefined()
  })

  test('a probe of a store that answers resolves', async () => {
    await expect(documents.probe()).resolves.toBeUndefined()
  })

  test('a call that is not answered in time rejects and says what it was', async () => {
    emulator.freeze()
    try {
      const impatient = firestoreDocuments(client.db, { clock: systemClock, deadlineMs: 200 })
      await expect(impatient.probe()).rejects.toThrow('Firestore: a probe took more than 200 ms')
      await expect(impatient.get('things/a')).rejects.toThrow('Firestore: reading things/a took more than')
    } finally {
      emulator.thaw()
      // What was given up is answered before this is: nothing is open any more when the client closes.
      await documents.probe()
    }
  })
})
