import { describe, expect, test } from '@jest/globals'
import { AuditLog, newRecordId } from '../../src/audit/audit-log.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { usageRecord } from '../support/usage-records.ts'
import { logOf, MemoryStore, recordAll } from './memory-log.ts'

const FULL = expect.objectContaining({ code: 'audit_unavailable' })

describe('writing', () => {
  test('begins at once; what comes meanwhile is written next, together and in order', async () => {
    const { log, store, clock } = logOf()
    const { promise, resolve } = Promise.withResolvers<void>()
    store.held = promise
    recordAll(log, ['a'])
    expect(store.running).toBe(1)
    recordAll(log, ['b', 'c'])
    resolve()
    await clock.advance(0)
    expect(store.batches).toEqual([['a'], ['b', 'c']])
    expect(log.depth).toBe(0)
  })

  test('takes no more at a time than a batch', async () => {
    const { log, store, clock } = logOf({ batchSize: 2 })
    recordAll(log, ['a', 'b', 'c', 'd'])
    await clock.advance(0)
    expect(store.batches).toEqual([['a'], ['b', 'c'], ['d']])
  })

  test('writes one batch at a time', async () => {
    const { log, store, clock } = logOf({ batchSize: 1 })
    const { promise, resolve } = Promise.withResolvers<void>()
    store.held = promise
    recordAll(log, ['a', 'b'])
    await clock.advance(1000)
    expect(store.running).toBe(1)
    expect(log.depth).toBe(2)
    resolve()
    await clock.advance(1000)
    expect(store.batches).toEqual([['a'], ['b']])
    expect(store.mostRunning).toBe(1)
  })

  test('loses and doubles nothing when the store fails for a while, and keeps the order', async () => {
    const { log, store, clock } = logOf({ batchSize: 2 })
    store.failures = 3
    recordAll(log, ['a', 'b', 'c'])
    await clock.advance(0)
    recordAll(log, ['d'])
    await clock.advance(10_000)
    expect(store.batches).toEqual([['a'], ['a', 'b'], ['a', 'b'], ['a', 'b'], ['c', 'd']])
    expect(store.ids.size).toBe(4)
    expect(log.depth).toBe(0)
  })

  test('waits longer after each failure, up to 5 s', async () => {
    const { log, store, clock } = logOf()
    store.failures = 1000
    recordAll(log, ['a'])
    await clock.advance(0)
    const attempts: number[] = []
    for (const ms of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      await clock.advance(ms - 1)
      const before = store.batches.length
      await clock.advance(1)
      attempts.push(store.batches.length - before)
    }
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('tells how many records wait', async () => {
    const depths: number[] = []
    const { log, clock } = logOf({ onDepth: (depth) => depths.push(depth) })
    recordAll(log, ['a', 'b'])
    await clock.advance(0)
    expect(depths).toEqual([1, 2, 1, 0])
  })
})

describe('waiting for a record', () => {
  test('resolves when it is in the store', async () => {
    const { log, store, clock } = logOf()
    const held = Promise.withResolvers<void>()
    store.held = held.promise
    recordAll(log, ['a'])
    let isDurable = false
    const waiting = log.durable().then(() => (isDurable = true))
    await clock.advance(1)
    expect(isDurable).toBe(false)
    held.resolve()
    await waiting
    expect(store.batches).toEqual([['a']])
  })

  test('lasts as long as the store fails, without asking it more often', async () => {
    const { log, store, clock } = logOf()
    store.failures = 2
    recordAll(log, ['a'])
    const waiting = log.durable()
    await clock.advance(99)
    recordAll(log, ['b'])
    const later = log.durable()
    await clock.advance(0)
    expect(store.batches).toHaveLength(1)
    await clock.advance(10_000)
    await Promise.all([waiting, later])
    expect(store.ids.size).toBe(2)
  })

  test('is over at once when nothing is queued', async () => {
    const { log } = logOf()
    await expect(log.durable()).resolves.toBeUndefined()
  })
})

describe('limits', () => {
  test('refuses while the store has no room, whatever room the queue has', () => {
    const full = { isFull: true }
    const store = Object.assign(new MemoryStore(), { isFull: () => full.isFull })
    const log = new AuditLog({
      store,
      clock: new FakeClock(),
      random: () => 1,
      logger: silentLogger,
      queueLimit: 100,
    })
    expect(() => log.reserve()).toThrow(FULL)
    full.isFull = false
    expect(() => log.reserve()).not.toThrow()
  })

  test('refuses before execution what could not be recorded', async () => {
    const { log, store, clock } = logOf({ queueLimit: 2 })
    store.failures = 1
    recordAll(log, ['a'])
    log.reserve()
    expect(() => log.reserve()).toThrow(FULL)
    log.release()
    log.reserve()
    log.record(usageRecord())
    expect(() => log.reserve()).toThrow(FULL)
    await clock.advance(10_000)
    expect(() => log.reserve()).not.toThrow()
  })

  test('bounds the memory of waiting records too', () => {
    const { log } = logOf({ queueByteLimit: 10_000 })
    log.reserve()
    log.record(usageRecord({ argumentsText: 'x'.repeat(10_000) }))
    expect(() => log.reserve()).toThrow(FULL)
  })

  test('takes a record into its reserved place even when the queue has filled up since', async () => {
    const { log, store, clock } = logOf({ queueByteLimit: 1000 })
    log.reserve()
    log.reserve()
    log.record(usageRecord({ argumentsText: 'x'.repeat(1000) }))
    log.record(usageRecord())
    await clock.advance(50)
    expect(store.ids.size).toBe(2)
  })

  test('drops a record without a place when there is none, and does not throw', async () => {
    const { log, store, clock } = logOf({ queueLimit: 1 })
    log.record(usageRecord({ target: 'kept' }))
    log.record(usageRecord({ target: 'dropped' }))
    await clock.advance(50)
    expect(store.batches).toEqual([['kept']])
  })

  test('a release without a reservation makes no room', () => {
    const { log } = logOf({ queueLimit: 1 })
    log.release()
    log.reserve()
    expect(() => log.reserve()).toThrow(FULL)
  })
})

describe('close', () => {
  test('writes everything at once and takes no more reservations', async () => {
    const { log, store, clock } = logOf({ batchSize: 2 })
    recordAll(log, ['a', 'b', 'c'])
    const closed = log.close(1000)
    expect(() => log.reserve()).toThrow(FULL)
    log.record(usageRecord({ target: 'd' }))
    await clock.advance(0)
    await closed
    expect(store.batches).toEqual([['a'], ['b', 'c'], ['d']])
    log.record(usageRecord({ target: 'late' }))
    await clock.advance(1000)
    expect(store.batches).toHaveLength(3)
    expect(clock.pending).toBe(0)
  })

  test('says how many records are left at the deadline', async () => {
    const { log, store, clock } = logOf()
    store.failures = 1000
    recordAll(log, ['a', 'b'])
    const closed = log.close(1000).catch((error: unknown) => error)
    await clock.advance(1000)
    expect(await closed).toEqual(new Error('2 usage records could not be written'))
    expect(clock.pending).toBe(0)
  })

  test('waits for a batch under way, once however often it is called', async () => {
    const { log, store, clock } = logOf()
    const { promise, resolve } = Promise.withResolvers<void>()
    store.held = promise
    recordAll(log, ['a'])
    await clock.advance(50)
    const closed = Promise.all([log.close(1000), log.close(1000)])
    resolve()
    await closed
    expect(store.batches).toEqual([['a']])
  })

  test('of an idle log is immediate', async () => {
    const { log } = logOf()
    await expect(log.close(1000)).resolves.toBeUndefined()
  })
})

test('record ids are unique and sort by time, then by order', () => {
  const ids = [
    ...Array.from({ length: 1000 }, () => newRecordId(1_700_000_000_000)),
    newRecordId(1_700_000_000_001),
    newRecordId(1_800_000_000_000),
  ]
  expect(new Set(ids).size).toBe(1002)
  expect(ids.toSorted()).toEqual(ids)
})
