import { describe, expect, test } from '@jest/globals'
import { newRecordId } from '../../src/audit/record-id.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { usageRecord } from '../support/usage-records.ts'
import { logOf, recordAll } from './memory-log.ts'

const FULL = expect.objectContaining({ code: 'audit_unavailable' })

describe('writing', () => {
  test('begins at once; what comes meanwhile is written next, together and in order', async () => {
    const { log, spool, clock } = logOf()
    const { promise, resolve } = Promise.withResolvers<void>()
    spool.held = promise
    recordAll(log, ['a'])
    expect(spool.running).toBe(1)
    recordAll(log, ['b', 'c'])
    resolve()
    await clock.advance(0)
    expect(spool.writes).toEqual([['a'], ['b', 'c']])
    expect(log.depth).toBe(0)
  })

  test('waits for the end of the turn while calls are in flight, so that what comes together is written together', async () => {
    const { log, spool } = logOf({ defer: setImmediate })
    log.reserve()
    recordAll(log, ['a'])
    await Promise.resolve()
    log.record(usageRecord({ target: 'b' }))
    expect(spool.running).toBe(0)
    await log.flush()
    expect(spool.writes).toEqual([['a', 'b']])
  })

  test('waits for no turn where no other call is in flight, neither with the first record nor with what came meanwhile', async () => {
    const { log, spool, clock } = logOf({ defer: () => expect('a turn').toBe('not waited for') })
    const { promise, resolve } = Promise.withResolvers<void>()
    spool.held = promise
    recordAll(log, ['a'])
    expect(spool.running).toBe(1)
    recordAll(log, ['b'])
    resolve()
    await clock.advance(0)
    expect(spool.writes).toEqual([['a'], ['b']])
  })

  test.each([
    ['a few turns of the loop', 6, ['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c', 'd']],
    ['turns until one brings nothing', 6, ['a', 'b', '', 'c'], ['a', 'b']],
    ['no turn where no other call is in flight', 1, ['a', 'b'], ['a']],
  ])('gathers for %s', async (_what, inFlight, perTurn, expected) => {
    const turns: (() => void)[] = []
    const { log, spool, clock } = logOf({ defer: (next) => void turns.push(next) })
    for (let call = 0; call < inFlight; call += 1) log.reserve()
    for (const target of perTurn) {
      if (target !== '') log.record(usageRecord({ target }))
      turns.shift()?.()
      await clock.advance(0)
      if (spool.writes.length > 0) break
    }
    expect(spool.writes).toEqual([expected])
  })

  test('has one write under way at a time', async () => {
    const { log, spool, clock } = logOf()
    const { promise, resolve } = Promise.withResolvers<void>()
    spool.held = promise
    recordAll(log, ['a', 'b'])
    await clock.advance(1000)
    expect(spool.running).toBe(1)
    expect(log.depth).toBe(2)
    resolve()
    await clock.advance(1000)
    expect(spool.writes).toEqual([['a'], ['b']])
    expect(spool.mostRunning).toBe(1)
  })

  test('loses and doubles nothing when the spool fails for a while, and keeps the order', async () => {
    const { log, spool, clock } = logOf()
    spool.failures = 3
    recordAll(log, ['a', 'b', 'c'])
    await clock.advance(0)
    recordAll(log, ['d'])
    await clock.advance(10_000)
    expect(spool.writes).toEqual([['a'], ['a'], ['a'], ['a'], ['b', 'c', 'd']])
    expect(spool.ids.size).toBe(4)
    expect(log.depth).toBe(0)
  })

  test('waits longer after each failure, up to 5 s', async () => {
    const { log, spool, clock } = logOf()
    spool.failures = 1000
    recordAll(log, ['a'])
    await clock.advance(0)
    const attempts: number[] = []
    for (const ms of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      await clock.advance(ms - 1)
      const before = spool.writes.length
      await clock.advance(1)
      attempts.push(spool.writes.length - before)
    }
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('tells how many records wait', async () => {
    const { log, clock } = logOf()
    expect(log.depth).toBe(0)
    recordAll(log, ['a', 'b'])
    expect(log.depth).toBe(2)
    await clock.advance(0)
    expect(log.depth).toBe(0)
  })

  test('tells when records were appended, and when a write failed and succeeds again', async () => {
    const told: string[] = []
    const tell =
      (level: string) =>
      (...said: unknown[]) =>
        told.push(`${level}: ${String(said.at(-1))}`)
    const logger = { ...silentLogger, error: tell('error'), info: tell('info') } as unknown as Logger
    const { log, spool, clock } = logOf({ logger, onAppended: () => told.push('appended') })
    spool.failures = 1
    recordAll(log, ['a'])
    await clock.advance(1000)
    expect(told).toEqual([
      'error: usage records could not be written; trying again',
      'appended',
      'info: usage records can be written again',
    ])
  })
})

describe('waiting for a record', () => {
  test('resolves when it is in the spool', async () => {
    const { log, spool, clock } = logOf()
    const held = Promise.withResolvers<void>()
    spool.held = held.promise
    recordAll(log, ['a'])
    let isDurable = false
    const waiting = log.flush().then(() => (isDurable = true))
    await clock.advance(1)
    expect(isDurable).toBe(false)
    held.resolve()
    await waiting
    expect(spool.writes).toEqual([['a']])
  })

  test('lasts as long as the spool fails, without asking it more often', async () => {
    const { log, spool, clock } = logOf()
    spool.failures = 2
    recordAll(log, ['a'])
    const waiting = log.flush()
    await clock.advance(99)
    recordAll(log, ['b'])
    const later = log.flush()
    await clock.advance(0)
    expect(spool.writes).toHaveLength(1)
    await clock.advance(10_000)
    await Promise.all([waiting, later])
    expect(spool.ids.size).toBe(2)
  })

  test('is over at once when nothing is queued', async () => {
    const { log } = logOf()
    await expect(log.flush()).resolves.toBeUndefined()
  })
})

describe('digests of arguments', () => {
  test('that take their time hold back only the answer of their own call, and those who wait for all', async () => {
    const digest = Promise.withResolvers<string>()
    const begin = (text: string): Promise<string> | (() => string) =>
      text === 'long' ? digest.promise : () => 'd'
    const { log, spool, clock } = logOf({ digester: { begin } })
    const over: string[] = []
    log.record(usageRecord({ target: 'long', argumentsText: 'long' }))
    void log.flushWithin(250).then(() => over.push('long'))
    log.record(usageRecord({ target: 'short' }))
    void log.flushWithin(250).then(() => over.push('short'))
    void log.flush().then(() => over.push('all'))
    await clock.advance(0)
    expect([spool.writes, over, log.depth]).toEqual([[['short']], ['short'], 1])
    digest.resolve('d')
    await clock.advance(0)
    expect([spool.writes, over.toSorted(), log.depth]).toEqual([
      [['short'], ['long']],
      ['all', 'long', 'short'],
      0,
    ])
    expect(clock.pending).toBe(0)
  })

  test('are computed when they are about to be written, and once, also where that fails at first', async () => {
    let computed = 0
    const begin = (): (() => string) => () => `d${(computed += 1)}`
    const writes: (() => void)[] = []
    const { log, spool, clock } = logOf({ digester: { begin }, defer: (write) => writes.push(write) })
    spool.failures = 1
    for (let call = 0; call < 3; call += 1) log.reserve()
    recordAll(log, ['a', 'b'])
    expect(computed).toBe(0)
    for (const write of writes) write()
    await clock.advance(1000)
    expect([spool.ids.size, spool.writes.length, computed]).toEqual([2, 2, 2])
  })

  test('are waited for when the log closes', async () => {
    const digest = Promise.withResolvers<string>()
    const { log, spool } = logOf({ digester: { begin: () => digest.promise } })
    recordAll(log, ['a'])
    const closed = log.close(1000)
    digest.resolve('d')
    await closed
    expect(spool.writes).toEqual([['a']])
  })
})

describe('limits', () => {
  test('refuses while the spool has no room, whatever room the queue has', () => {
    const { log, spool } = logOf()
    spool.hasRoom = false
    expect(() => log.reserve()).toThrow(FULL)
    spool.hasRoom = true
    expect(() => log.reserve()).not.toThrow()
  })

  test('refuses before execution what could not be recorded', async () => {
    const { log, spool, clock } = logOf({ queueLimit: 2 })
    spool.failures = 1
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
    const { log, spool } = logOf({ queueByteLimit: 10_000 })
    spool.held = new Promise(() => {})
    log.reserve()
    log.record(usageRecord({ argumentsText: 'x'.repeat(10_000) }))
    expect(() => log.reserve()).toThrow(FULL)
  })

  test('takes a record into its reserved place even when the queue has filled up since', async () => {
    const { log, spool, clock } = logOf({ queueByteLimit: 1000 })
    log.reserve()
    log.reserve()
    log.record(usageRecord({ argumentsText: 'x'.repeat(1000) }))
    log.record(usageRecord())
    await clock.advance(50)
    expect(spool.ids.size).toBe(2)
  })

  test('drops a record without a place when there is none, and does not throw', async () => {
    const { log, spool, clock } = logOf({ queueLimit: 1 })
    log.record(usageRecord({ target: 'kept' }))
    log.record(usageRecord({ target: 'dropped' }))
    await clock.advance(50)
    expect(spool.writes).toEqual([['kept']])
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
    const { log, spool, clock } = logOf()
    recordAll(log, ['a', 'b', 'c'])
    const closed = log.close(1000)
    expect(() => log.reserve()).toThrow(FULL)
    log.record(usageRecord({ target: 'd' }))
    await clock.advance(0)
    await closed
    expect(spool.writes).toEqual([['a'], ['b', 'c', 'd']])
    log.record(usageRecord({ target: 'late' }))
    await clock.advance(1000)
    expect(spool.writes).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  test('says how many records are left at the deadline', async () => {
    const { log, spool, clock } = logOf()
    spool.failures = 1000
    recordAll(log, ['a', 'b'])
    const closed = log.close(1000).catch((error: unknown) => error)
    await clock.advance(1000)
    expect(await closed).toEqual(new Error('2 usage records could not be written'))
    expect(clock.pending).toBe(0)
  })

  test('waits for a write under way, once however often it is called', async () => {
    const { log, spool, clock } = logOf()
    const { promise, resolve } = Promise.withResolvers<void>()
    spool.held = promise
    recordAll(log, ['a'])
    await clock.advance(50)
    const closed = Promise.all([log.close(1000), log.close(1000)])
    resolve()
    await closed
    expect(spool.writes).toEqual([['a']])
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
