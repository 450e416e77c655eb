import { expect, test } from '@jest/globals'
import { mapBounded } from '../../../src/domain/concurrency/map-bounded.ts'

test('no more than the limit run at the same time, and results come in the order of the items', async () => {
  let running = 0
  let most = 0
  const results = await mapBounded([1, 2, 3, 4, 5, 6, 7], { limit: 3 }, async (item) => {
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
    return item * 10
  })
  expect([most, results]).toEqual([3, [10, 20, 30, 40, 50, 60, 70]])
})
