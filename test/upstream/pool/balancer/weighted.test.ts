import { expect, test } from '@jest/globals'
import { Weighted } from '../../../../src/upstream/pool/balancer/weighted.ts'
import { candidates, evenly, shares } from './candidates.ts'

test('each has the share that its weight says', () => {
  const all = candidates({ id: 'a', weight: 1 }, { id: 'b', weight: 3 }, { id: 'c', weight: 6 })
  expect(shares(new Weighted({ random: evenly(1000) }), all, 1000)).toEqual({ a: 100, b: 300, c: 600 })
})

test('the smallest and the largest chance pick the first and the last', () => {
  const all = candidates({ id: 'a', weight: 5 }, { id: 'b', weight: 5 })
  expect(new Weighted({ random: () => 0 }).pick(all)?.id).toBe('a')
  expect(new Weighted({ random: () => 1 - Number.EPSILON }).pick(all)?.id).toBe('b')
  expect(new Weighted({ random: () => 0 }).pick([])).toBeUndefined()
})
