import { expect, test } from '@jest/globals'
import { AdaptiveLimit } from '../../../src/http/overload/adaptive-limit.ts'

const BOUNDS = { min: 64, start: 256, targetDelayMs: () => 100 }
const BUSY = { delayMs: 300, utilization: 1, memory: 0.2 }
const IDLE = { delayMs: 1, utilization: 0.3, memory: 0.2 }

test('fewer requests are served at once while work waits for its turn, but never fewer than the least', () => {
  const limit = new AdaptiveLimit({ ...BOUNDS, max: 5000 })
  limit.learn({ ...BUSY, delayMs: 125 }, 200)
  expect(limit.value).toBe(160)
  limit.learn(BUSY, 160)
  expect(limit.value).toBe(80)
  for (let times = 0; times < 100; times += 1) limit.learn(BUSY, limit.value)
  expect(limit.value).toBe(64)
})

test('a loop that is busy and yet quick enough is no reason, and the idler it is, the more requests may come', () => {
  const limit = new AdaptiveLimit({ ...BOUNDS, max: 5000 })
  limit.learn({ ...BUSY, delayMs: 10 }, 200)
  expect(limit.value).toBe(256)
  limit.learn({ ...BUSY, utilization: 0.5 }, 200)
  expect(limit.value).toBe(384)
})

test('where a delay counts although the loop is idle in between, fewer are served at once then, too', () => {
  const [usual, strict] = [BOUNDS, { ...BOUNDS, busy: 0.4 }].map(
    (of) => new AdaptiveLimit({ ...of, max: 5000 }),
  )
  for (const limit of [usual, strict]) limit?.learn({ ...BUSY, utilization: 0.6 }, 200)
  expect([usual?.value, strict?.value]).toEqual([359, 100])
  strict?.learn({ ...BUSY, utilization: 0.3 }, 100)
  expect(strict?.value).toBe(170)
})

test('where many share a busy loop, a longer delay is allowed, and what is well below it lets more requests come', () => {
  let target = 700
  const [usual, growing] = [false, true].map(
    (growsWhileBusy) =>
      new AdaptiveLimit({ ...BOUNDS, max: 5000, growsWhileBusy, targetDelayMs: () => target }),
  )
  for (const limit of [usual, growing]) limit?.learn({ ...BUSY, delayMs: 300 }, 200)
  expect([usual?.value, growing?.value]).toEqual([256, 282])
  target = 500
  growing?.learn({ ...BUSY, delayMs: 300 }, 200)
  expect(growing?.value).toBe(282)
  target = 240
  growing?.learn({ ...BUSY, delayMs: 300 }, 200)
  expect(growing?.value).toBe(160)
})

test('calls that wait for slow servers raise the limit, up to the most that there may be', () => {
  const limit = new AdaptiveLimit({ ...BOUNDS, max: 1000 })
  for (let times = 0; times < 20; times += 1) limit.learn(IDLE, 900)
  expect(limit.value).toBe(1000)
})

test('memory that runs short counts as load', () => {
  const limit = new AdaptiveLimit({ ...BOUNDS, max: 5000 })
  limit.learn({ ...IDLE, memory: 0.95 }, 200)
  expect([limit.value, limit.isShort]).toEqual([100, true])
  limit.learn(IDLE, 100)
  expect(limit.isShort).toBe(false)
})
