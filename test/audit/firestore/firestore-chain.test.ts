import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { signedCheckpoint } from '../../../src/audit/chain/checkpoint.ts'
import type { Finding } from '../../../src/audit/chain/findings.ts'
import { noteSigner } from '../../../src/audit/chain/note.ts'
import { verifyChains } from '../../../src/audit/chain/verify.ts'
import {
  FirestoreAuditStore,
  type FirestoreAuditStoreOptions,
} from '../../../src/audit/firestore/firestore-audit-store.ts'
import { firestoreEntries } from '../../../src/audit/firestore/firestore-chain.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { type FirestoreClient, openFirestore } from '../../../src/firestore/firestore.ts'
import { describeWithEmulator } from '../../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../../support/firestore-emulator.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { asStored, recordLines, usageRecord } from '../../support/usage-records.ts'

const PROJECT = 'demo-audit-chain'
const START = Date.parse('2026-01-01T00:00:00Z')

let emulator: FirestoreEmulator
let client: FirestoreClient

function storeOf(options: Partial<FirestoreAuditStoreOptions> = {}): FirestoreAuditStore {
  const store = { db: client.db, key: Buffer.alloc(32), clock: systemClock, logger: silentLogger }
  return new FirestoreAuditStore({ ...store, ...options })
}

/** What the chains of all documents come to. */
async function verified(): Promise<{ records: number; findings: readonly Finding[]; chains: number[] }> {
  const { records, findings, chains } = await verifyChains(firestoreEntries(client.db), {
    verifierKeys: [],
    nowMs: 0,
  })
  return { records, findings, chains: chains.map(({ lastSeq }) => lastSeq).toSorted((a, b) => a - b) }
}

describeWithEmulator('the chains of replicas in Firestore', () => {
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

  test('are verified one by one, and what happened to a document is found', async () => {
    const [one, other] = [storeOf(), storeOf()]
    const odd = {
      change: { fields: [{ field: 'a', before: [[1]], after: 'cut\ud83d' }] },
      roles: ['a'],
      durationMs: 0.1,
    }
    await one.write(recordLines([usageRecord({ id: 'r1', ...odd }), usageRecord({ id: 'r2' })]))
    await other.write(recordLines([usageRecord({ id: 'r3' })]))
    await one.write(
      recordLines([usageRecord({ id: 'r2' }), usageRecord({ id: 'r4' }), usageRecord({ id: 'r3' })]),
    )
    expect(await verified()).toEqual({ records: 4, findings: [], chains: [1, 3] })

    await client.db.doc('tool_usage/r2').update({ outcome: 'denied' })
    await client.db.doc('tool_usage/r3').delete()
    await client.db.doc('tool_usage/forged').create({ ...asStored(usageRecord()), change: '{}' })
    expect((await verified()).findings.map(({ fault, id }) => [fault, id])).toEqual([['edited', 'r2']])
  })

  test('are signed, so that a whole chain that is gone leaves its checkpoints', async () => {
    const store = storeOf({ retentionDays: 90 })
    await store.write(recordLines([usageRecord({ id: 'r1' }), usageRecord({ id: 'r2' })]))
    const signer = noteSigner('key', Buffer.alloc(32, 1))
    const head = await store.chain.head()
    const statement = { ...head, atMs: START + 1000, beganMs: START - 1, retentionDays: 90, isLast: true }
    await store.chain.addCheckpoint(signedCheckpoint(statement, [signer]))
    await client.db.doc('tool_usage/forged').create({ ...asStored(usageRecord()), change: '{}' })
    const found = async (): Promise<unknown> => {
      const entries = firestoreEntries(client.db)
      const { findings } = await verifyChains(entries, {
        verifierKeys: [signer.verifierKey],
        nowMs: START + 5000,
      })
      return findings.map(({ fault, seq, lastSeq, id }) => ({ fault, seq, lastSeq, id }))
    }
    expect(await found()).toEqual([{ fault: 'unchained', id: 'forged' }])
    for (const id of ['r1', 'r2', 'forged']) await client.db.doc(`tool_usage/${id}`).delete()
    expect(await found()).toEqual([{ fault: 'deleted', seq: 1, lastSeq: 2 }])
  })

  test('stay verified when a person is erased, over more records than one write takes', async () => {
    const store = storeOf()
    const personal = { subject: 'ann-of-the-sea', address: '192.0.2.7', clientName: 'her laptop' }
    const own = Array.from({ length: 210 }, (_each, at) => usageRecord({ id: `a${at}`, ...personal }))
    await store.write(recordLines([...own, usageRecord({ id: 'b1', subject: 'ben' })]))
    const erasure = { action: 'records.erase', outcome: 'changed', change: { records: 210 } } as const
    await store.write(recordLines([usageRecord({ id: 'e1', subject: 'dora', ...erasure })]))

    const person = { tenantId: 'acme', subject: 'ann-of-the-sea', beforeMs: START + 1000, limit: 210 }
    expect(await store.erase(person, 'e1')).toBe(210)

    expect(await store.count({ tenantId: 'acme', subject: 'ann-of-the-sea' })).toBe(0)
    const { docs } = await client.db.collection('tool_usage').get()
    const texts = docs.map((document) => JSON.stringify(document.data()))
    expect(texts).toHaveLength(212)
    expect(texts.filter((text) => /ann-of-the-sea|192\.0\.2\.7|her laptop/.test(text))).toEqual([])
    expect(texts.filter((text) => text.includes('"ben"'))).toHaveLength(1)
    expect(await verified()).toEqual({ records: 212, findings: [], chains: [212] })
  })

  test('name a record whose personal part is gone without a record of the erasure', async () => {
    const store = storeOf()
    await store.write(recordLines([usageRecord({ id: 'a1', subject: 'ann' }), usageRecord({ id: 'a2' })]))
    const person = { tenantId: 'acme', subject: 'ann', beforeMs: START + 1000, limit: 1 }
    expect(await store.erase(person, 'never-written')).toBe(1)
    expect((await verified()).findings.map(({ fault, id }) => [fault, id])).toEqual([['erased', 'a1']])
  })
})
