import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { Call } from '../../src/calls/call.ts'
import { Interruption } from '../../src/calls/interruption.ts'

test('a call that fails before it begins leaves nothing for the shutdown to end', async () => {
  const interruption = new Interruption()
  const call = { info: {} } as unknown as Call
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  try {
    const begin = (): never => {
      throw new Error('at once')
    }
    expect(() => interruption.guard(call, begin)).toThrow('at once')
    interruption.shutDown()
    await setImmediate()
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})
