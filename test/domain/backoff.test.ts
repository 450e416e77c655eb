import { expect, test } from '@jest/globals'
import { backoffMs } from '../../src/domain/backoff.ts'

test('the wait is anywhere between 250 ms and a ceiling that doubles up to 30 s', () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 7, 8, 100, 5000].map((failures) => backoffMs(failures, () => 1))
  expect(ceilings).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000])
  expect([1, 5, 100].map((failures) => backoffMs(failures, () => 0))).toEqual([250, 250, 250])
  expect(backoffMs(3, () => 0.5)).toBe(1125)
})

test('the bounds can be others', () => {
  const limits = { smallestMs: 100, firstMs: 100, largestMs: 5000 }
  const ceilings = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => backoffMs(failures, () => 1, limits))
  expect(ceilings).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
  expect([1, 8].map((failures) => backoffMs(failures, () => 0, limits))).toEqual([100, 100])
})
