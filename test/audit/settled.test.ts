import { describe, expect, test } from '@jest/globals'
import type { Logger } from '../../src/telemetry/logger.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { logOf, recordAll } from './memory-log.ts'

describe('an answer that waits for its record', () => {
  /** A log over a store that hangs until it is released, and what it has told. */
  function hanging(): ReturnType<typeof logOf> & {
    release: () => void
    late: () => number
    warnings: () => number
    settled: (target: string) => Promise<boolean>
  } {
    let late = 0
    let warnings = 0
    const logger = { ...silentLogger, warn: () => (warnings += 1), error: () => {}, info: () => {} }
    const made = logOf({ onLate: () => (late += 1), logger: logger as unknown as Logger })
    const held = Promise.withResolvers<void>()
    made.store.held = held.promise
    return {
      ...made,
      release: held.resolve,
      late: () => late,
      warnings: () => warnings,
      /** Whether the wait for a new record is over by now. */
      settled: async (target) => {
        recordAll(made.log, [target])
        let isOver = false
        void made.log.settled().then(() => (isOver = true))
        await made.clock.advance(0)
        return isOver
      },
    }
  }

  test('goes when the store has it, and leaves no timer', async () => {
    const { log, store, clock } = logOf({ onLate: () => expect('late').toBe('in time') })
    recordAll(log, ['a'])
    await log.settled()
    expect(store.batches).toEqual([['a']])
    expect(clock.pending).toBe(0)
  })

  test('goes after 250 ms without it; the record is written all the same', async () => {
    const { log, store, clock, late, release } = hanging()
    recordAll(log, ['a'])
    const answered = log.settled().then(() => clock.monotonic())
    await clock.advance(1000)
    expect(await answered).toBe(250)
    expect(late()).toBe(1)
    release()
    await clock.advance(0)
    expect(store.batches).toEqual([['a']])
  })

  test('does not wait again until something was written', async () => {
    const { clock, late, release, settled } = hanging()
    expect(await settled('a')).toBe(false)
    await clock.advance(250)
    expect([await settled('b'), await settled('c'), late()]).toEqual([true, true, 3])
    release()
    await clock.advance(0)
    expect([await settled('d'), late()]).toEqual([true, 3])
  })

  test('is warned of at most every 10 s', async () => {
    const { clock, late, warnings, settled } = hanging()
    await settled('a')
    await clock.advance(250)
    for (let call = 0; call < 50; call += 1) await settled(`b-${call}`)
    expect([late(), warnings()]).toEqual([51, 1])
    await clock.advance(10_000)
    await settled('c')
    expect(warnings()).toBe(2)
  })

  test('those that come together share one write', async () => {
    const { log, store, clock, release } = hanging()
    recordAll(log, ['a'])
    const answers = ['b', 'c', 'd'].map((target) => {
      recordAll(log, [target])
      return log.settled()
    })
    release()
    await clock.advance(0)
    await Promise.all(answers)
    expect(store.batches).toEqual([['a'], ['b', 'c', 'd']])
  })
})
