import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SqliteAuditStore } from '../../../src/audit/sqlite/sqlite-store.ts'
import { startThread } from '../../../src/threads/start-thread.ts'
import { RecordLines } from '../../../src/audit/record-lines.ts'
import { RecordsRefusedError } from '../../../src/audit/records-refused.ts'
import type { AuditQuery } from '../../../src/audit/audit-store.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { asStored, linesOf, recordLines, usageRecord } from '../../support/usage-records.ts'

const DAY = 86_400_000
const START = Date.parse('2026-01-01T00:00:00Z')

async function open(
  dir: string,
  options: { clock?: FakeClock; retentionDays?: number; startThread?: typeof startThread } = {},
): Promise<SqliteAuditStore & AsyncDisposable> {
  const store = await SqliteAuditStore.open({
    dir,
    key: Buffer.alloc(32),
    clock: new FakeClock(),
    logger: silentLogger,
    ...options,
  })
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })
}

async function targetsOf(store: SqliteAuditStore, query: Partial<AuditQuery> = {}): Promise<string[]> {
  const { records } = await store.query({ tenantId: 'acme', limit: 100, ...query })
  return records.map(({ target }) => target)
}

describe('storage', () => {
  test('gives back every field of a record', async () => {
    await using dir = await temporaryDirectory()
    await using store = await open(dir.path)
    const records = [usageRecord(), usageRecord({ agent: null, code: 'internal', atMs: START - 1 })]
    await store.write(recordLines(records))
    expect(await store.query({ tenantId: 'acme', limit: 10 })).toEqual({ records: records.map(asStored) })
  })

  test('stores a record once, however often it is written', async () => {
    await using dir = await temporaryDirectory()
    await using store = await open(dir.path)
    const record = usageRecord({ target: 'first' })
    await store.write(recordLines([record]))
    await store.write(
      recordLines([{ ...record, target: 'changed' }, usageRecord({ target: 'other', atMs: START - 1 })]),
    )
    expect(await targetsOf(store)).toEqual(['first', 'other'])
  })

  test('counts the records of the tenant that a query has', async () => {
    await using dir = await temporaryDirectory()
    await using store = await open(dir.path)
    await store.write(
      recordLines([
        usageRecord({ outcome: 'ok', atMs: START - 1 }),
        usageRecord({ outcome: 'ok' }),
        usageRecord({ outcome: 'ok' }),
        usageRecord({ outcome: 'denied' }),
        usageRecord({ outcome: 'ok', tenantId: 'globex' }),
      ]),
    )
    const queries = [
      {},
      { from: START },
      { from: START, outcome: 'ok' },
      { to: START },
      { server: 'none' },
    ] as const
    const counts = queries.map((query) => store.count({ tenantId: 'acme', ...query }))
    expect(await Promise.all(counts)).toEqual([4, 3, 2, 1, 0])
  })

  test('keeps records across restarts', async () => {
    await using dir = await temporaryDirectory()
    const before = await open(dir.path)
    await before.write(recordLines([usageRecord()]))
    await before.close()
    await using after = await open(dir.path)
    await after.write(recordLines([usageRecord({ atMs: START + 1 })]))
    const { records } = await after.query({ tenantId: 'acme', limit: 10 })
    expect(records).toHaveLength(2)
  })

  test('keeps its files for this user only', async () => {
    await using dir = await temporaryDirectory()
    const data = join(dir.path, 'data')
    await using store = await open(data)
    await store.write(recordLines([usageRecord()]))
    const modes = await Promise.all(
      (await readdir(data)).map(async (name) => [name, (await stat(join(data, name))).mode & 0o777]),
    )
    expect(Object.fromEntries(modes)).toEqual({
      'audit.db': 0o600,
      'audit.db-shm': 0o600,
      'audit.db-wal': 0o600,
    })
    expect((await stat(data)).mode & 0o777).toBe(0o700)
  })
})

describe('queries', () => {
  let dir: Awaited<ReturnType<typeof temporaryDirectory>>
  let store: SqliteAuditStore
  beforeAll(async () => {
    dir = await temporaryDirectory()
    store = await open(dir.path)
    await store.write(
      recordLines([
        usageRecord({ tenantId: 'narrow', target: 'a' }),
        usageRecord({ tenantId: 'narrow', target: 'b', atMs: START + 1, subject: 'bob', server: 'memory' }),
        usageRecord({
          tenantId: 'narrow',
          target: 'c',
          atMs: START + 2,
          outcome: 'denied',
          effect: 'deny',
          ruleId: 'tenant',
        }),
      ]),
    )
  })
  afterAll(async () => {
    await store.close()
    await dir[Symbol.asyncDispose]()
  })

  test('find the records of one tenant, newest first', async () => {
    await store.write(
      recordLines([
        usageRecord({ target: 'old', atMs: START - 10 }),
        usageRecord({ target: 'foreign', tenantId: 'globex' }),
        usageRecord({ target: 'new' }),
      ]),
    )
    expect(await targetsOf(store)).toEqual(['new', 'old'])
    expect(await targetsOf(store, { tenantId: 'globex' })).toEqual(['foreign'])
    expect(await targetsOf(store, { tenantId: 'nobody' })).toEqual([])
  })

  test.each([
    ['from a time on', { from: START + 1 }, ['b', 'c']],
    ['before a time', { to: START + 1 }, ['a']],
    ['by subject', { subject: 'bob' }, ['b']],
    ['by target', { target: 'c' }, ['c']],
    ['by server', { server: 'memory' }, ['b']],
    ['by outcome', { outcome: 'denied' as const }, ['c']],
    ['by all of them', { from: START, to: START + 9, subject: 'bob', outcome: 'ok' as const }, ['b']],
  ])('can be narrowed %s', async (_what, filters, targets) => {
    expect((await targetsOf(store, { tenantId: 'narrow', ...filters })).toSorted()).toEqual(targets)
  })

  test('page through records of one millisecond without losing or repeating one', async () => {
    const all = Array.from({ length: 7 }, (_, index) =>
      usageRecord({ tenantId: 'pages', target: `t${index}` }),
    )
    await store.write(recordLines(all))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await store.query({ tenantId: 'pages', limit: 3, cursor })
      seen.push(...page.records.map(({ target }) => target))
      cursor = page.nextCursor
      await store.write(recordLines([usageRecord({ tenantId: 'pages', target: 'newer', atMs: START + 1 })]))
    } while (cursor !== undefined)
    expect(seen).toEqual(['t6', 't5', 't4', 't3', 't2', 't1', 't0'])
  })

  test('refuse a cursor of another query or tenant, and one that was made up', async () => {
    const tenantId = 'cursors'
    await store.write(recordLines([usageRecord({ tenantId }), usageRecord({ tenantId, atMs: START - 1 })]))
    const { nextCursor = '' } = await store.query({ tenantId, limit: 1, subject: 'ada' })
    const made = Buffer.from(`x ${START} id`).toString('base64url')
    const queries: Partial<AuditQuery>[] = [
      { tenantId: 'globex', subject: 'ada', cursor: nextCursor },
      { cursor: nextCursor },
      { subject: 'ada', from: 0, cursor: nextCursor },
      { subject: 'ada', cursor: made },
      { subject: 'ada', cursor: '' },
      { subject: 'ada', cursor: 'x'.repeat(10_000) },
    ]
    for (const query of queries) {
      await expect(store.query({ tenantId, limit: 1, ...query })).rejects.toMatchObject({
        code: 'invalid_cursor',
      })
    }
    const next = await store.query({ tenantId, limit: 5, subject: 'ada', cursor: nextCursor })
    expect(next.records).toHaveLength(1)
  })
})

/** Keeps a checkpoint: records are deleted up to one. */
async function sign({ chain }: SqliteAuditStore, atMs: number): Promise<void> {
  const { writer, seq } = await chain.head()
  await chain.addCheckpoint({ writer, seq, atMs, note: '' })
}

describe('retention', () => {
  test('deletes what is too old when it opens, and every 6 hours', async () => {
    await using dir = await temporaryDirectory()
    const before = await open(dir.path)
    await before.write(recordLines([usageRecord({ target: 'old', atMs: START - 8 * DAY })]))
    await sign(before, START - 7.9 * DAY)
    await before.write(recordLines([usageRecord({ target: 'ageing', atMs: START - 6.95 * DAY })]))
    await sign(before, START - 6.9 * DAY)
    await before.write(recordLines([usageRecord({ target: 'new' })]))
    await before.close()
    const clock = new FakeClock(START)
    await using store = await open(dir.path, { clock, retentionDays: 7 })
    expect(await targetsOf(store)).toEqual(['new', 'ageing'])
    await clock.advance(6 * 3_600_000)
    await eventually(async () => (await targetsOf(store)).length === 1)
    expect(await targetsOf(store)).toEqual(['new'])
  })

  test('deletes many in several steps', async () => {
    await using dir = await temporaryDirectory()
    const before = await open(dir.path)
    await before.write(
      recordLines(Array.from({ length: 5001 }, () => usageRecord({ atMs: START - 8 * DAY }))),
    )
    await sign(before, START - 7.9 * DAY)
    await before.close()
    await using store = await open(dir.path, { retentionDays: 7 })
    expect(await targetsOf(store)).toEqual([])
  })
})

describe('faults', () => {
  test('refuses to open what is no database', async () => {
    await using dir = await temporaryDirectory()
    await writeFile(join(dir.path, 'audit.db'), 'this is not a database, whatever its name says'.repeat(50))
    await expect(open(dir.path)).rejects.toThrow(
      /audit\.db cannot be opened: .*audit\.db is damaged \(file is not a database\)/,
    )
  })

  test('refuses a database of a newer version', async () => {
    await using dir = await temporaryDirectory()
    await (await open(dir.path)).close()
    const database = new DatabaseSync(join(dir.path, 'audit.db'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(open(dir.path)).rejects.toThrow(/was written by a newer version \(schema 99\)/)
  })

  test('names the lines that are no records, and stores the others', async () => {
    await using dir = await temporaryDirectory()
    await using store = await open(dir.path)
    const [first = '', second = ''] = linesOf([usageRecord({ target: 'a' }), usageRecord({ target: 'b' })])
    const none = ['{"id":"no record"}', '{"crc":"0a1b2c3d","id":"no record"}']
    const failed: unknown = await store
      .write(RecordLines.of([first, ...none, second]))
      .catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(RecordsRefusedError)
    expect(failed).toMatchObject({ lines: none })
    expect((await targetsOf(store)).toSorted()).toEqual(['a', 'b'])
  })

  test('stores nothing of a batch that fails', async () => {
    await using dir = await temporaryDirectory()
    await using store = await open(dir.path)
    const database = new DatabaseSync(join(dir.path, 'audit.db'))
    database.exec(`CREATE TRIGGER refuse BEFORE INSERT ON usage_records WHEN NEW.record->>'target' = 'bad'
      BEGIN SELECT RAISE(ABORT, 'refused'); END`)
    await expect(store.write(recordLines([usageRecord(), usageRecord({ target: 'bad' })]))).rejects.toThrow(
      'refused',
    )
    expect(await targetsOf(store)).toEqual([])
    database.exec('DROP TRIGGER refuse')
    database.close()
    await store.write(recordLines([usageRecord({ target: 'good' })]))
    expect(await targetsOf(store)).toEqual(['good'])
  })

  test('fails what was under way when its thread ends, and goes on with a new one', async () => {
    await using dir = await temporaryDirectory()
    const threads: Worker[] = []
    await using store = await open(dir.path, {
      startThread: (...options) => {
        const thread = startThread(...options)
        threads.push(thread)
        return thread
      },
    })
    await store.write(recordLines([usageRecord({ target: 'before' })]))
    const batch = Array.from({ length: 1000 }, () => usageRecord({ target: 'during' }))
    const thread = threads[0]
    if (thread === undefined) throw new Error('no thread was started')
    // The batch never arrives: a thread quick enough could finish it before it ends.
    thread.postMessage = () => {}
    const failed = store.write(recordLines(batch)).catch((error: unknown) => error)
    await thread.terminate()
    expect(await failed).toEqual(new Error('the audit thread ended'))
    await Promise.all([
      store.write(recordLines(batch)),
      store.write(recordLines([usageRecord({ target: 'after', atMs: START + 1 })])),
    ])
    expect(threads).toHaveLength(2)
    expect(await targetsOf(store, { limit: 5000 })).toEqual([
      'after',
      ...batch.map(({ target }) => target),
      'before',
    ])
  })

  test('takes nothing more once it is closed, however often', async () => {
    await using dir = await temporaryDirectory()
    const store = await open(dir.path)
    await Promise.all([store.close(), store.close()])
    await expect(store.write(recordLines([usageRecord()]))).rejects.toThrow('the audit store is closed')
    await expect(store.query({ tenantId: 'acme', limit: 1 })).rejects.toThrow('the audit store is closed')
  })
})
