import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { coarseWorkMs, measureLoop, threadWorkMs } from '../../../src/http/overload/loop-load.ts'

function work(ms: number): void {
  const end = threadWorkMs() + ms
  while (threadWorkMs() < end);
}

test('the length of a turn is the work of this thread in it, and many turns are one after the other', async () => {
  const meter = measureLoop()
  try {
    await nextTurn()
    meter.read()
    for (let turn = 0; turn < 20; turn += 1) {
      work(4)
      await nextTurn()
    }
    const long = meter.read().turnMs
    for (let turn = 0; turn < 500; turn += 1) await nextTurn()
    const short = meter.read().turnMs
    expect(long).toBeGreaterThan(2)
    expect(short).toBeLessThan(1)
  } finally {
    meter.stop()
  }
})

test('the work of this thread is read again when a millisecond has passed, and not before', () => {
  let now = 100
  let worked = 5
  const readWork = coarseWorkMs({ monotonic: () => now }, () => worked)
  expect(readWork()).toBe(5)
  worked = 6
  now = 100.9
  expect(readWork()).toBe(5)
  now = 101
  expect(readWork()).toBe(6)
})
