import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@jest/globals'
import { SqliteDatabase } from '../../../src/audit/sqlite/sqlite-database.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { linesOf, usageRecord } from '../../support/usage-records.ts'

const AT = Date.parse('2026-01-01T00:00:00Z')

test('finds what it stored, in pages, by every filter', async () => {
  await using dir = await temporaryDirectory()
  const database = new SqliteDatabase(join(dir.path, 'audit.db'))
  const records = [
    usageRecord(),
    usageRecord({ atMs: AT + 1 }),
    usageRecord({ atMs: AT + 2, subject: 'bob' }),
  ]
  database.write(linesOf(records))
  const newest = database.query({ tenantId: 'acme', limit: 1 }, undefined, 1)
  expect(newest.map(({ id }) => id)).toEqual([records[2]?.id])
  const filters = { subject: 'ada', target: 'files_read', server: 'files', outcome: 'ok' } as const
  const query = { tenantId: 'acme', limit: 9, from: AT, to: AT + 9, ...filters }
  const rest = database.query(query, { atMs: AT + 1, id: records[1]?.id ?? '' }, 9)
  expect(rest.map(({ id }) => id)).toEqual([records[0]?.id])
  database.close()
})

test('stores all of a batch or nothing', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  const database = new SqliteDatabase(path)
  new DatabaseSync(path).exec(`CREATE TRIGGER refuse BEFORE INSERT ON tool_usage WHEN NEW.target = 'bad'
    BEGIN SELECT RAISE(ABORT, 'refused'); END`)
  expect(() => database.write(linesOf([usageRecord(), usageRecord({ target: 'bad' })]))).toThrow('refused')
  expect(database.query({ tenantId: 'acme', limit: 9 }, undefined, 9)).toEqual([])
  database.close()
})

test('deletes what is older than a time, and says when that was all', async () => {
  await using dir = await temporaryDirectory()
  const database = new SqliteDatabase(join(dir.path, 'audit.db'))
  const old = Array.from({ length: 5000 }, () => usageRecord({ atMs: AT - 1 }))
  database.write(linesOf([...old, usageRecord()]))
  expect([database.deleteBefore(AT), database.deleteBefore(AT)]).toEqual([true, false])
  expect(database.query({ tenantId: 'acme', limit: 9 }, undefined, 9)).toHaveLength(1)
  database.close()
})

test('does not open a database of a newer version', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit.db')
  new SqliteDatabase(path).close()
  const other = new DatabaseSync(path)
  other.exec('PRAGMA user_version = 2')
  expect(() => new SqliteDatabase(path)).toThrow('written by a newer version (schema 2)')
  other.close()
})
