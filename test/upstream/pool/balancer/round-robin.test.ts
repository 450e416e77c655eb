import { expect, test } from '@jest/globals'
import { RoundRobin } from '../../../../src/upstream/pool/balancer/round-robin.ts'
import { candidates, shares } from './candidates.ts'

test('every candidate has the same share, in turn', () => {
  const balancer = new RoundRobin()
  const all = candidates('a', 'b', 'c')
  expect(['a', 'b', 'c', 'a', 'b', 'c'].map(() => balancer.pick(all)?.id)).toEqual([
    'a',
    'b',
    'c',
    'a',
    'b',
    'c',
  ])
  expect(shares(balancer, all, 300)).toEqual({ a: 100, b: 100, c: 100 })
})

test('a candidate that is away for a while takes nothing from the turns of the others', () => {
  const balancer = new RoundRobin()
  const all = candidates('a', 'b', 'c')
  const [a, b, c] = all
  const away = all.filter((candidate) => candidate !== b)
  const picked = [all, away, away, away, all, all, all].map((from) => balancer.pick(from))
  expect(picked).toEqual([a, c, a, c, a, b, c])
})

test('a candidate that comes is the last in turn', () => {
  const balancer = new RoundRobin()
  const all = candidates('a', 'b', 'c')
  const picked = [all.slice(0, 2), all.slice(0, 2), all, all].map((from) => balancer.pick(from)?.id)
  expect(picked).toEqual(['a', 'b', 'c', 'a'])
})

test('nobody is picked from nobody', () => {
  expect(new RoundRobin().pick([])).toBeUndefined()
})
