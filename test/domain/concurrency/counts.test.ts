import { expect, test } from '@jest/globals'
import { RetainedCounts } from '../../../src/domain/concurrency/counts.ts'

test('counts go up and down, and a count that does not exist is zero', () => {
  const counts = new RetainedCounts()
  counts.add('a', 1)
  counts.add('a', 1)
  counts.add('b', 1)
  counts.add('b', -1)
  expect(['a', 'b', 'c'].map((key) => counts.of(key))).toEqual([2, 0, 0])
  counts.add('b', 1)
  expect(counts.of('b')).toBe(1)
})

test('counts of nothing are forgotten when there are more than a thousand, and no others', () => {
  const counts = new RetainedCounts()
  counts.add('busy', 1)
  for (let round = 0; round < 3; round += 1)
    for (let key = 0; key < 1500; key += 1) {
      counts.add(`tenant-${key}`, 1)
      counts.add(`tenant-${key}`, -1)
    }
  expect(counts.of('busy')).toBe(1)
  expect(counts.size).toBeLessThanOrEqual(1002)
})
