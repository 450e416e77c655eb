import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type OpenAudit, openAuditOver } from '../../../src/audit/audit-open.ts'
import type { AuditQuery } from '../../../src/audit/audit-store.ts'
import { verifyChains } from '../../../src/audit/chain/verify.ts'
import { firestoreEntries } from '../../../src/audit/firestore/firestore-chain.ts'
import {
  FirestoreAuditStore,
  type FirestoreAuditStoreOptions,
} from '../../../src/audit/firestore/firestore-audit-store.ts'
import { RecordsRefusedError } from '../../../src/audit/records-refused.ts'
import type { PendingRecord } from '../../../src/audit/usage-record.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { type FirestoreClient, openFirestore } from '../../../src/firestore/firestore.ts'
import { eventually } from '../../support/eventually.ts'
import { describeWithEmulator } from '../../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../../support/firestore-emulator.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { soak } from '../../support/soak.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { asStored, linesOf, recordLines, usageRecord } from '../../support/usage-records.ts'

const PROJECT = 'demo-audit'
const KEY = randomBytes(32)
const PARTS = { clock: systemClock, random: () => 1, logger: silentLogger }
const START = Date.parse('2026-01-01T00:00:00Z')

let emulator: FirestoreEmulator
let client: FirestoreClient

function storeOf(options: Partial<FirestoreAuditStoreOptions> = {}): FirestoreAuditStore {
  const store = { db: client.db, key: KEY, clock: systemClock, logger: silentLogger }
  return new FirestoreAuditStore({ ...store, ...options })
}

async function targetsOf(store: FirestoreAuditStore, query: Partial<AuditQuery> = {}): Promise<string[]> {
  const { records } = await store.query({ tenantId: 'acme', limit: 100, ...query })
  return records.map(({ target }) => target)
}

/** Targets of all documents there are, sorted. */
async function storedTargets(): Promise<string[]> {
  const { docs } = await client.db.collection('tool_usage').get()
  return docs.map((document) => String(document.get('target'))).toSorted()
}

const manyRecords = (count: number): PendingRecord[] =>
  Array.from({ length: count }, (_, index) => usageRecord({ target: numbered(index) }))

const numbered = (index: number): string => `r-${String(index).padStart(4, '0')}`

/** In batches of 100. */
const MANY = soak(1000, 400)
const ALL = Array.from({ length: MANY }, (_, index) => numbered(index))

describeWithEmulator('usage records in Firestore', () => {
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

  describe('write', () => {
    test('gives back every field of a record', async () => {
      const record = usageRecord()
      await storeOf().write(recordLines([record]))
      expect(await storeOf().query({ tenantId: 'acme', limit: 10 })).toEqual({ records: [asStored(record)] })
    })

    test('leaves a record that is already there as it is, and writes those around it', async () => {
      const store = storeOf()
      const first = usageRecord({ target: 'first' })
      await store.write(recordLines([first]))
      await store.write(
        recordLines([
          usageRecord({ target: 'before' }),
          { ...first, target: 'changed' },
          usageRecord({ target: 'after' }),
        ]),
      )
      expect(await storedTargets()).toEqual(['after', 'before', 'first'])
    })

    test('marks when the record may be deleted, and without a retention nothing', async () => {
      const [short, long] = [usageRecord(), usageRecord()]
      await storeOf({ retentionDays: 90 }).write(recordLines([short]))
      await storeOf().write(recordLines([long]))
      const read = async ({ id }: PendingRecord): Promise<unknown> =>
        (await client.db.doc(`tool_usage/${id}`).get()).get('expireAt')
      expect(await read(short)).toMatchObject({ seconds: (START + 90 * 86_400_000) / 1000 })
      expect(await read(long)).toBeUndefined()
    })

    test('takes texts that were cut inside a character, and numbers that are none', async () => {
      const odd = usageRecord({ target: 'cut\ud83d', durationMs: Number.NaN, responseBytes: Infinity })
      await storeOf().write(recordLines([odd]))
      const { records: found } = await storeOf().query({ tenantId: 'acme', limit: 1 })
      expect(found[0]).toMatchObject({ target: 'cut\ufffd', durationMs: 0, responseBytes: 0 })
    })

    test('names the records that Firestore never takes, and writes the others', async () => {
      const huge = usageRecord({ target: 'huge', subject: 'x'.repeat(1_100_000) })
      const failed: unknown = await storeOf()
        .write(recordLines([usageRecord({ target: 'a' }), huge, usageRecord({ target: 'b' })]))
        .catch((error: unknown) => error)
      expect(failed).toBeInstanceOf(RecordsRefusedError)
      expect(failed).toMatchObject({ lines: linesOf([huge]) })
      expect(await storedTargets()).toEqual(['a', 'b'])
    })

    test('counts the records of the tenant that a query has', async () => {
      const store = storeOf()
      const before = usageRecord({ atMs: START - 1 })
      const others = [usageRecord({ outcome: 'denied' }), usageRecord({ tenantId: 'globex' })]
      await store.write(recordLines([before, usageRecord(), ...others]))
      const queries = [{}, { from: START }, { from: START, outcome: 'ok' }, { server: 'none' }] as const
      const counts = queries.map((query) => store.count({ tenantId: 'acme', ...query }))
      expect(await Promise.all(counts)).toEqual([3, 2, 1, 0])
    })

    test('takes nothing more once it is closed', async () => {
      const store = storeOf()
      await store.close()
      await expect(store.write(recordLines([usageRecord()]))).rejects.toThrow('the audit store is closed')
    })
  })

  describe('query', () => {
    beforeEach(async () => {
      await storeOf().write(
        recordLines([
          usageRecord({ target: 'a', atMs: START, subject: 'ada', server: 'files', outcome: 'ok' }),
          usageRecord({ target: 'b', atMs: START + 1, subject: 'bob', server: 'files', outcome: 'denied' }),
          usageRecord({ target: 'c', atMs: START + 2, subject: 'ada', server: 'search', outcome: 'error' }),
          usageRecord({ target: 'd', atMs: START + 3, subject: 'ada', server: 'files', outcome: 'ok' }),
          usageRecord({ target: 'other', atMs: START + 4, tenantId: 'globex' }),
        ]),
      )
    })

    test('gives the records of the tenant, newest first', async () => {
      expect(await targetsOf(storeOf())).toEqual(['d', 'c', 'b', 'a'])
      expect(await targetsOf(storeOf(), { tenantId: 'globex' })).toEqual(['other'])
      expect(await targetsOf(storeOf(), { tenantId: 'nobody' })).toEqual([])
    })

    test.each<[Partial<AuditQuery>, string[]]>([
      [{ from: START + 2 }, ['d', 'c']],
      [{ to: START + 2 }, ['b', 'a']],
      [{ from: START + 1, to: START + 3 }, ['c', 'b']],
      [{ subject: 'ada' }, ['d', 'c', 'a']],
      [{ target: 'b' }, ['b']],
      [{ server: 'files' }, ['d', 'b', 'a']],
      [{ outcome: 'denied' }, ['b']],
      [{ subject: 'ada', server: 'files', outcome: 'ok', from: START + 1 }, ['d']],
    ])('%j gives %j', async (query, targets) => {
      expect(await targetsOf(storeOf(), query)).toEqual(targets)
    })

    test('pages end with a cursor that another replica continues, even within one millisecond', async () => {
      const same = Array.from({ length: 5 }, (_, index) =>
        usageRecord({ target: `s${index}`, atMs: START + 9 }),
      )
      await storeOf().write(recordLines(same))
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await storeOf().query({ tenantId: 'acme', limit: 2, cursor })
        seen.push(...page.records.map(({ target }) => target))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      expect(seen).toEqual(['s4', 's3', 's2', 's1', 's0', 'd', 'c', 'b', 'a'])
    })

    test('refuses the cursor of another query, tenant or installation', async () => {
      const { nextCursor: cursor } = await storeOf().query({ tenantId: 'acme', limit: 1 })
      const refused = expect.objectContaining({ code: 'invalid_cursor' })
      await expect(storeOf().query({ tenantId: 'globex', limit: 1, cursor })).rejects.toEqual(refused)
      await expect(storeOf().query({ tenantId: 'acme', subject: 'ada', limit: 1, cursor })).rejects.toEqual(
        refused,
      )
      const other = storeOf({ key: randomBytes(32) })
      await expect(other.query({ tenantId: 'acme', limit: 1, cursor })).rejects.toEqual(refused)
    })

    test('leaves out a document that is no usage record', async () => {
      await client.db.doc('tool_usage/odd').create({ tenantId: 'acme', atMs: START + 2 })
      expect(await targetsOf(storeOf())).toEqual(['d', 'c', 'b', 'a'])
    })
  })

  describe('outage', () => {
    afterEach(() => {
      emulator.thaw()
    })

    test('a write and a query end at their deadlines while Firestore does not answer', async () => {
      // What was sent is created when Firestore goes on: not where the other tests look.
      await using other = await otherProject()
      const store = storeOf({ db: other.db, createTimeoutMs: 200, queryTimeoutMs: 200 })
      emulator.freeze()
      await expect(store.write(recordLines(manyRecords(10)))).rejects.toThrow(
        'usage records could not be created in Firestore',
      )
      await expect(store.query({ tenantId: 'acme', limit: 1 })).rejects.toMatchObject({
        code: 'audit_unavailable',
      })
    })

    test('hundreds of records through a freeze of Firestore are all there, each once', async () => {
      await using dir = await temporaryDirectory()
      const audit = await openIn(dir.path, { createTimeoutMs: 2000 })
      for (const [index, record] of manyRecords(MANY).entries()) {
        audit.log.reserve()
        audit.log.record(record)
        // In the middle of a delivery, so that some are created of which no answer comes.
        if (index % 100 === 99) await audit.log.flush()
        if (index === MANY / 2 - 1) emulator.freeze()
      }
      await eventually(() => !audit.spool().isDelivering)
      emulator.thaw()
      await eventually(() => audit.spool().waitingBytes === 0, { timeoutMs: 90_000 })
      expect(await storedTargets()).toEqual(ALL)
      await audit.log.close(1000)
      await audit.close()
      const entries = firestoreEntries(client.db)
      expect((await verifyChains(entries, { verifierKeys: [], nowMs: 0 })).findings).toEqual([])
    }, 150_000)

    test('hundreds of records while Firestore is killed and started again empty are all there, each once', async () => {
      await using dir = await temporaryDirectory()
      const audit = await openIn(dir.path, { createTimeoutMs: 2000 })
      await emulator.stop()
      for (const record of manyRecords(MANY)) {
        audit.log.reserve()
        audit.log.record(record)
      }
      await audit.log.flush()
      await eventually(() => !audit.spool().isDelivering)
      emulator = await startFirestoreEmulator({ port: emulator.port })
      await eventually(() => audit.spool().waitingBytes === 0, { timeoutMs: 90_000 })
      expect(await storedTargets()).toEqual(ALL)
      await audit.log.close(1000)
      await audit.close()
    }, 150_000)

    test('the records of a process killed while Firestore hung are delivered by the next, each once', async () => {
      await using dir = await temporaryDirectory()
      const child = writerIn(dir.path)
      const lines = createInterface({ input: child.stdout ?? process.stdin })
      const ids: string[] = []
      for await (const line of lines) {
        ids.push(...line.split(' '))
        if (ids.length === MANY / 2) emulator.freeze()
        if (ids.length === MANY) child.kill('SIGKILL')
      }
      await once(child, 'close')
      emulator.thaw()
      const audit = await openIn(dir.path)
      await eventually(() => audit.spool().waitingBytes === 0, { timeoutMs: 90_000 })
      // What an earlier test gave up waiting for may come late.
      const { docs } = await client.db.collection('tool_usage').get()
      expect(
        docs
          .map(({ id }) => id)
          .filter((id) => ids.includes(id))
          .toSorted(),
      ).toEqual(ids.toSorted())
      expect(ids).toHaveLength(MANY)
      await audit.close()
    }, 150_000)
  })
})

function openIn(dataDir: string, options: Partial<FirestoreAuditStoreOptions> = {}): Promise<OpenAudit> {
  const limits = { limitBytes: 64 * 1024 * 1024, queueLimit: 10_000 }
  return openAuditOver(storeOf(options), { dataDir, key: KEY, delayMs: 0, ...limits, ...PARTS })
}

/** Writes records to Firestore in batches of 100, prints the ids of each that is on disk, and waits. */
const WRITER = `
import { openAuditOver } from './src/audit/audit-open.ts'
import { FirestoreAuditStore } from './src/audit/firestore/firestore-audit-store.ts'
import { newRecordId } from './src/audit/record-id.ts'
import { systemClock as clock } from './src/domain/clock.ts'
import { openFirestore } from './src/firestore/firestore.ts'
import { createLogger } from './src/telemetry/logger.ts'
const [dataDir, projectId, text, batches] = process.argv.slice(1)
const parts = { key: Buffer.alloc(32), clock, random: Math.random, logger: createLogger({ level: 'silent', format: 'json' }) }
const { db } = openFirestore({ projectId, databaseId: '(default)' })
const store = new FirestoreAuditStore({ db, ...parts })
const { log } = await openAuditOver(store, { dataDir, limitBytes: 1e9, queueLimit: 10_000, delayMs: 0, ...parts })
for (let batch = 0; batch < Number(batches); batch += 1) {
  const ids = Array.from({ length: 100 }, () => newRecordId(Date.now()))
  for (const id of ids) log.record({ ...JSON.parse(text), id })
  await log.flush()
  process.stdout.write(ids.join(' ') + '\\n')
}
setInterval(() => {}, 1000)
`

function writerIn(dir: string): ChildProcess {
  return spawn(
    process.execPath,
    ['--input-type=module', '-e', WRITER, dir, PROJECT, JSON.stringify(usageRecord()), String(MANY / 100)],
    {
      cwd: join(import.meta.dirname, '../../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, FIRESTORE_EMULATOR_HOST: emulator.host, METADATA_SERVER_DETECTION: 'none' },
    },
  )
}

async function otherProject(): Promise<FirestoreClient & AsyncDisposable> {
  const other = openFirestore({ projectId: `${PROJECT}-late`, databaseId: '(default)' })
  await other.db.doc('tool_usage/there').get()
  return {
    ...other,
    [Symbol.asyncDispose]: async () => {
      emulator.thaw()
      await other.close()
    },
  }
}
