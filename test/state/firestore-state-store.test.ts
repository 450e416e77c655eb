import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type Clock, systemClock } from '../../src/domain/clock.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { FirestoreStateStore } from '../../src/state/firestore/firestore-state-store.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { describeStore } from './store-contract.ts'

const PROJECT = 'demo-state'

describeWithEmulator('state in Firestore', () => {
  let emulator: FirestoreEmulator
  let client: FirestoreClient

  beforeAll(async () => {
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
  })
  afterAll(async () => {
    await client.close()
    await emulator.stop()
  })
  beforeEach(() => emulator.clear(PROJECT))

  /** The deadlines of requests are real time, not that of the entries. */
  const wallOf = (clock: FakeClock): Clock => ({ ...systemClock, now: () => clock.now() })

  describeStore((clock) => new FirestoreStateStore({ db: client.db, clock: wallOf(clock) }))

  test('marks when an entry has expired for the TTL policy', async () => {
    const clock = new FakeClock()
    const store = new FirestoreStateStore({ db: client.db, clock: wallOf(clock) })
    await store.put('links', 'k', 'v', { expiresAt: clock.now() + 1000 })
    const { docs } = await client.db.collection('gateway_state').get()
    expect(docs.map((document) => document.data())).toMatchObject([
      { path: 'links/k', expireAt: { seconds: Date.parse('2026-01-01T00:00:01Z') / 1000 } },
    ])
  })

  test('is unavailable while Firestore does not answer, and a write may have been done', async () => {
    const store = new FirestoreStateStore({ db: client.db, clock: systemClock, deadlineMs: 1 })
    await expect(store.put('links', 'k', 'v')).rejects.toMatchObject({
      code: 'state_unavailable',
      facts: { mayHaveExecuted: true },
    })
  })
})
