import { describe, expect, test } from '@jest/globals'
import type { Logger } from '../../src/telemetry/logger.ts'
import { LateClock } from '../support/late-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { logOf, recordAll } from './memory-log.ts'

describe('an answer that waits for its record', () => {
  /** A log over a spool that hangs until it is released, and what it has told. */
  function hanging(): ReturnType<typeof logOf> & {
    release: () => void
    late: () => number
    warnings: () => number
    isOver: (target: string) => Promise<boolean>
  } {
    let late = 0
    let warnings = 0
    const logger = { ...silentLogger, warn: () => (warnings += 1), error: () => {}, info: () => {} }
    const made = logOf({ onLate: (answers) => (late += answers), logger: logger as unknown as Logger })
    const held = Promise.withResolvers<void>()
    made.spool.held = held.promise
    return {
      ...made,
      release: held.resolve,
      late: () => late,
      warnings: () => warnings,
      /** Whether the wait for a new record is over by now. */
      isOver: async (target) => {
        recordAll(made.log, [target])
        let over = false
        void made.log.flushWithin(250).then(() => (over = true))
        await made.clock.advance(0)
        return over
      },
    }
  }

  test('goes when the spool has it, and leaves no timer', async () => {
    const { log, spool, clock } = logOf({ onLate: () => expect('late').toBe('in time') })
    recordAll(log, ['a'])
    await log.flushWithin(250)
    expect(spool.writes).toEqual([['a']])
    expect(clock.pending).toBe(0)
  })

  test('is told after the time that it may wait that there is none; the record is written all the same', async () => {
    const { log, spool, clock, late, release } = hanging()
    recordAll(log, ['a'])
    const answered = log.flushWithin(250).then((isWritten) => [isWritten, clock.monotonic()])
    await clock.advance(1000)
    expect(await answered).toEqual([false, 250])
    expect(late()).toBe(1)
    release()
    await clock.advance(0)
    expect(spool.writes).toEqual([['a']])
  })

  test('waits as long whatever happened to others, and new calls are refused while records wait for more than a second', async () => {
    const { log, clock, release, isOver } = hanging()
    expect(await isOver('a')).toBe(false)
    await clock.advance(250)
    expect(await isOver('b')).toBe(false)
    log.reserve()
    await clock.advance(800)
    expect(() => log.reserve()).toThrow(expect.objectContaining({ code: 'audit_unavailable' }))
    release()
    await clock.advance(0)
    log.reserve()
  })

  test('is warned of once for many', async () => {
    const { clock, late, warnings, isOver } = hanging()
    for (let call = 0; call < 50; call += 1) await isOver(`a-${call}`)
    await clock.advance(250)
    expect([late(), warnings()]).toEqual([50, 1])
  })

  test('counts all that waited for the same write', async () => {
    const { log, clock, late } = hanging()
    recordAll(log, ['a'])
    await clock.advance(0)
    const answers = ['b', 'c', 'd'].map((target) => {
      recordAll(log, [target])
      return log.flushWithin(250)
    })
    await clock.advance(250)
    await Promise.all(answers)
    expect(late()).toBe(3)
  })

  test('is over in time, too, when the digest of its arguments takes longer', async () => {
    let late = 0
    const { log, clock } = logOf({
      digester: { begin: () => new Promise(() => {}) },
      onLate: (answers) => (late += answers),
    })
    recordAll(log, ['a'])
    const answered = log.flushWithin(250).then((isWritten) => [isWritten, clock.monotonic()])
    await clock.advance(1000)
    expect([await answered, late]).toEqual([[false, 250], 1])
  })

  test('those that come together share one write', async () => {
    const { log, spool, clock, release } = hanging()
    recordAll(log, ['a'])
    const answers = ['b', 'c', 'd'].map((target) => {
      recordAll(log, [target])
      return log.flushWithin(250)
    })
    release()
    await clock.advance(0)
    await Promise.all(answers)
    expect(spool.writes).toEqual([['a'], ['b', 'c', 'd']])
  })
})

test('takes no more calls once a record waits for the disk for a second, however long the event loop was busy', async () => {
  const clock = new LateClock()
  const { log, spool } = logOf({ clock })
  const { promise, resolve } = Promise.withResolvers<void>()
  spool.held = promise
  recordAll(log, ['a'])
  clock.begun[0]?.end(5000)
  log.reserve()
  clock.begun[1]?.end(0)
  expect(clock.begun.map(({ delayMs }) => delayMs)).toEqual([1000, 1000])
  expect(() => log.reserve()).toThrow(expect.objectContaining({ code: 'audit_unavailable' }))
  resolve()
  await log.flush()
  expect(() => log.reserve()).not.toThrow()
})
