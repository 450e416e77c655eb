import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@jest/globals'
import { SqliteDatabase } from '../../../src/audit/sqlite/sqlite-database.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { recordBytes, usageRecord } from '../../support/usage-records.ts'

const AT = Date.parse('2026-01-01T00:00:00Z')

test('finds what it stored, in pages, by every filter', async () => {
  await using dir = await temporaryDirectory()
  const database = new SqliteDatabase(join(dir.path, 'audit.db'))
  const records = [
    usageRecord(),
    usageRecord({ atMs: AT + 1 }),
    usageRecord({ atMs: AT + 2, subject: 'bob' }),
  ]
  database.write(recordBytes(records))
  const { records: newest } = database.query({ tenantId: 'acme', limit: 1 }, undefined, 1)
  expect(newest.map(({ id }) => id)).toEqual([records[2]?.id])
  const filters = { subject: 'ada', target: 'files_read', server: 'files', outcome: 'ok' } as const
  const query = { tenantId: 'acme', limit: 9, from: AT, to: AT + 9, ...filters }
  const { records: rest } = database.query(query, { atMs: AT + 1, id: records[1]?.id ?? '' }, 9)
  expect(rest.map(({ id }) => id)).toEqual([records[0]?.id])
  database.close()
})

test('stores all of a batch or nothing', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  const database = new SqliteDatabase(path)
  new DatabaseSync(path)
    .exec(`CREATE TRIGGER refuse BEFORE INSERT ON usage_records WHEN NEW.record->>'target' = 'bad'
    BEGIN SELECT RAISE(ABORT, 'refused'); END`)
  expect(() => database.write(recordBytes([usageRecord(), usageRecord({ target: 'bad' })]))).toThrow(
    'refused',
  )
  expect(database.query({ tenantId: 'acme', limit: 9 }, undefined, 9).records).toEqual([])
  database.close()
})

test('deletes what is older than a time, and says when that was all', async () => {
  await using dir = await temporaryDirectory()
  const database = new SqliteDatabase(join(dir.path, 'audit.db'))
  const old = Array.from({ length: 5000 }, () => usageRecord({ atMs: AT - 1 }))
  database.write(recordBytes(old))
  const { writer, seq } = database.chain.open(AT)
  database.chain.addCheckpoint({ writer, seq, atMs: AT - 1, note: '' })
  database.write(recordBytes([usageRecord()]))
  expect([database.deleteBefore(AT), database.deleteBefore(AT)]).toEqual([true, false])
  expect(database.query({ tenantId: 'acme', limit: 9 }, undefined, 9).records).toHaveLength(1)
  database.close()
})

test('a new database has pages of 16 KiB; one that was made with others keeps them', async () => {
  await using dir = await temporaryDirectory()
  const sizeOf = (path: string): unknown => {
    new SqliteDatabase(path).close()
    const database = new DatabaseSync(path)
    const { page_size: size } = database.prepare('PRAGMA page_size').get() ?? {}
    database.close()
    return size
  }
  const older = join(dir.path, 'older.db')
  const database = new DatabaseSync(older)
  database.exec('PRAGMA page_size = 4096; PRAGMA journal_mode = WAL')
  database.close()
  expect([sizeOf(join(dir.path, 'audit.db')), sizeOf(older)]).toEqual([16_384, 4096])
})

test('does not open a database of a newer version', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  new SqliteDatabase(path).close()
  const other = new DatabaseSync(path)
  other.exec('PRAGMA user_version = 5')
  expect(() => new SqliteDatabase(path)).toThrow('written by a newer version (schema 5)')
  other.close()
})

test('keeps the records and the chain of a database whose table is in the order of its keys', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  const before = new SqliteDatabase(path)
  const records = ['zeta', 'acme', 'zeta'].map((tenantId, at) => usageRecord({ tenantId, atMs: AT + at }))
  before.write(recordBytes(records))
  const chained = [...before.chain.entries()]
  before.close()
  const earlier = new DatabaseSync(path)
  earlier.exec(`DROP VIEW tool_usage;
    ALTER TABLE usage_records RENAME TO later;
    CREATE TABLE usage_records (
      tenant_id TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL,
      seq INTEGER, salt TEXT, hash TEXT, PRIMARY KEY (tenant_id, at_ms, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO usage_records SELECT * FROM later;
    DROP TABLE later;
    CREATE VIEW tool_usage AS SELECT id FROM usage_records;
    PRAGMA user_version = 3`)
  earlier.close()
  const database = new SqliteDatabase(path)
  expect(database.write(recordBytes(records))).toEqual([])
  expect(database.query({ tenantId: 'zeta', limit: 9 }, undefined, 9).records.map(({ id }) => id)).toEqual([
    records[2]?.id,
    records[0]?.id,
  ])
  expect([...database.chain.entries()]).toEqual(chained)
  expect(chained).toHaveLength(3)
  database.close()
  const reader = new DatabaseSync(path)
  const { count } = reader.prepare('SELECT count(subject) AS count FROM tool_usage').get() ?? {}
  reader.close()
  expect(count).toBe(3)
})

test('keeps the records of a database of an earlier version, and shows all as columns', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  const earlier = new DatabaseSync(path)
  earlier.exec(`CREATE TABLE tool_usage (
      id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, tenant_id TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT,
      face TEXT NOT NULL, session_id TEXT, request_id TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
      server TEXT, instance TEXT, effect TEXT NOT NULL, rule_id TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT,
      duration_ms REAL NOT NULL, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
      arguments_digest TEXT NOT NULL
    ) STRICT;
    CREATE INDEX tool_usage_by_time ON tool_usage (tenant_id, at_ms, id);
    CREATE INDEX tool_usage_by_age ON tool_usage (at_ms);
    INSERT INTO tool_usage VALUES ('id-1', 5, 'acme', 'ada', NULL, 'rest', NULL, 'request-1', 'call', 'files_read',
      'files', 'files-1', 'allow', 'allow', 'ok', NULL, 1.5, 2, 3, 'digest');
    PRAGMA user_version = 1`)
  earlier.close()
  const database = new SqliteDatabase(path)
  database.write(recordBytes([usageRecord({ target: 'files_write' })]))
  expect(
    database.query({ tenantId: 'acme', limit: 9, outcome: 'ok' }, { atMs: 6, id: '' }, 9).records,
  ).toEqual([
    {
      id: 'id-1',
      atMs: 5,
      tenantId: 'acme',
      subject: 'ada',
      agent: null,
      face: 'rest',
      sessionId: null,
      requestId: 'request-1',
      action: 'call',
      target: 'files_read',
      server: 'files',
      instance: 'files-1',
      effect: 'allow',
      ruleId: 'allow',
      outcome: 'ok',
      code: null,
      durationMs: 1.5,
      requestBytes: 2,
      responseBytes: 3,
      argumentsDigest: 'digest',
    },
  ])
  database.close()
  const reader = new DatabaseSync(path)
  const rows = reader.prepare('SELECT tenant_id, target, duration_ms FROM tool_usage ORDER BY at_ms').all()
  reader.close()
  expect(rows.map((row) => ({ ...row }))).toEqual([
    { tenant_id: 'acme', target: 'files_read', duration_ms: 1.5 },
    { tenant_id: 'acme', target: 'files_write', duration_ms: 1.5 },
  ])
})

test('looks at 5000 records of a query at most, and says where it goes on', async () => {
  await using dir = await temporaryDirectory()
  const database = new SqliteDatabase(join(dir.path, 'audit.db'))
  const records = Array.from({ length: 12_000 }, (_, index) =>
    usageRecord({ atMs: AT + index, target: index === 500 ? 'files_write' : 'files_read' }),
  )
  database.write(recordBytes(records))
  const query = { tenantId: 'acme', limit: 9, target: 'files_write' }
  const first = database.query(query, undefined, 9)
  expect(first).toEqual({ records: [], lookedUpTo: { atMs: AT + 7000, id: records[7000]?.id } })
  const second = database.query(query, first.lookedUpTo, 9)
  expect(second).toEqual({ records: [], lookedUpTo: { atMs: AT + 2000, id: records[2000]?.id } })
  const third = database.query(query, second.lookedUpTo, 9)
  expect(third.records.map(({ atMs }) => atMs)).toEqual([AT + 500])
  expect(third.lookedUpTo).toBeUndefined()
  const counted = database.count({ tenantId: 'acme' }, second.lookedUpTo)
  expect(counted).toEqual({ count: 2000, lookedUpTo: undefined })
  expect(database.query({ tenantId: 'acme', limit: 9 }, undefined, 9).lookedUpTo).toBeUndefined()
  database.close()
})

test('in place of a record that is damaged, it goes on to the next', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  const database = new SqliteDatabase(path)
  database.write(recordBytes([0, 1, 2].map((ms) => usageRecord({ atMs: AT + ms }))))
  const other = new DatabaseSync(path)
  other.exec(`UPDATE usage_records SET record = '{' WHERE at_ms = ${AT + 2}`)
  other.close()
  const query = { tenantId: 'acme', limit: 1 }
  const { records, lookedUpTo } = database.query(query, undefined, 2)
  expect(records.map(({ atMs }) => atMs)).toEqual([AT + 1])
  expect(lookedUpTo?.atMs).toBe(AT + 1)
  database.close()
})
