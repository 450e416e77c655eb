import { expect, test } from '@jest/globals'
import { LeastInFlight } from '../../../../src/upstream/pool/balancer/least-in-flight.ts'
import { candidates, evenly, shares } from './candidates.ts'

test('the one with the fewest calls is picked, wherever it stands', () => {
  const balancer = new LeastInFlight({ random: () => 0 })
  const all = candidates({ id: 'a', inFlight: 2 }, { id: 'b', inFlight: 1 }, { id: 'c', inFlight: 3 })
  expect(balancer.pick(all)?.id).toBe('b')
  expect(balancer.pick(all.toReversed())?.id).toBe('b')
})

test('chance decides among those with equally few', () => {
  const all = candidates({ id: 'a', inFlight: 1 }, { id: 'b', inFlight: 1 }, { id: 'c', inFlight: 9 })
  expect(new LeastInFlight({ random: () => 0.4 }).pick(all)?.id).toBe('b')
  expect(new LeastInFlight({ random: () => 0.6 }).pick(all)?.id).toBe('a')
  expect(shares(new LeastInFlight({ random: evenly(100) }), all, 100)).toEqual({ a: 50, b: 50 })
})

test('nobody is picked from nobody', () => {
  expect(new LeastInFlight({ random: () => 0 }).pick([])).toBeUndefined()
})
