import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { QueryTurns } from '../../../src/audit/query-turns.ts'
import { SqliteAuditStore } from '../../../src/audit/sqlite/sqlite-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { recordLines, usageRecord } from '../../support/usage-records.ts'

let dir: Awaited<ReturnType<typeof temporaryDirectory>>
let store: SqliteAuditStore

beforeEach(async () => {
  dir = await temporaryDirectory()
  store = await SqliteAuditStore.open({
    dir: dir.path,
    key: Buffer.alloc(32),
    clock: new FakeClock(),
    logger: silentLogger,
  })
})

afterEach(async () => {
  await store.close()
  await dir[Symbol.asyncDispose]()
})

test('of many queries of one tenant, that of another and what is written wait for one', async () => {
  const done: string[] = []
  const noting = async (what: string, work: Promise<unknown>): Promise<void> => {
    await work
    done.push(what)
  }
  const query = (tenantId: string): Promise<unknown> =>
    store.query({ tenantId, target: 'nomatch', limit: 10 })
  await Promise.all([
    ...['a1', 'a2', 'a3', 'a4'].map((name) => noting(name, query('a'))),
    noting('a5', store.count({ tenantId: 'a' })),
    noting('b1', query('b')),
    noting('written', store.write(recordLines([usageRecord()]))),
  ])
  expect(done).toEqual(['a1', 'written', 'b1', 'a2', 'a3', 'a4', 'a5'])
})

test('what is written, and the query of another tenant, wait for a part of a query that looks at all records', async () => {
  for (let batch = 0; batch < 3; batch += 1) {
    const records = Array.from({ length: 4000 }, (_, index) =>
      usageRecord({ tenantId: 'a', atMs: batch * 4000 + index }),
    )
    await store.write(recordLines([...records, usageRecord({ tenantId: 'a', atMs: batch, target: 'rare' })]))
  }
  const done: string[] = []
  const noting = async (what: string, work: Promise<unknown>): Promise<void> => {
    await work
    done.push(what)
  }
  const rare = { tenantId: 'a', target: 'rare' } as const
  const [{ records, nextCursor = '' }, count] = await Promise.all([
    store.query({ ...rare, limit: 2 }),
    store.count(rare),
    noting('b', store.query({ tenantId: 'b', limit: 10 })),
    noting('written', store.write(recordLines([usageRecord()]))),
    noting('a', store.query({ ...rare, limit: 10 })),
  ])
  expect(done).toEqual(['written', 'b', 'a'])
  expect(count).toBe(3)
  expect(records.map(({ atMs }) => atMs)).toEqual([2, 1])
  const rest = await store.query({ ...rare, limit: 2, cursor: nextCursor })
  expect(rest.records.map(({ atMs }) => atMs)).toEqual([0])
  expect(rest.nextCursor).toBeUndefined()
})

test('queries go on after one that failed, and when all were done', async () => {
  const turns = new QueryTurns()
  const failed = turns.run('a', () => Promise.reject(new Error('no such table')))
  const next = turns.run('a', async () => 'next')
  await expect(failed).rejects.toThrow('no such table')
  expect(await next).toBe('next')
  expect(await turns.run('b', async () => 'later')).toBe('later')
})
