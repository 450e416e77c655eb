import { expect, test } from '@jest/globals'
import { ConsistentHash } from '../../../../src/upstream/pool/balancer/consistent-hash.ts'
import { candidates, evenly, shares } from './candidates.ts'

const KEYS = Array.from({ length: 3000 }, (_, index) => `session-${index}`)
const urls = ['http://a.example:8080/mcp', 'http://b.example:8080/mcp', 'http://c.example:8080/mcp']
const balancer = new ConsistentHash({ random: () => 0 })

test('the same key leads to the same candidate, whatever else is going on', () => {
  const all = candidates(...urls)
  const first = KEYS.map((key) => balancer.pick(all, key)?.id)
  const busy = all.map((candidate) => ({ ...candidate, inFlight: 7 })).toReversed()
  expect(KEYS.map((key) => new ConsistentHash({ random: () => 0.9 }).pick(busy, key)?.id)).toEqual(first)
})

test('only the keys of a candidate that goes move, to all that are left, and they come back with it', () => {
  const all = candidates(...urls)
  const left = all.slice(0, 2)
  const before = KEYS.map((key) => balancer.pick(all, key)?.id)
  const after = KEYS.map((key) => balancer.pick(left, key)?.id)
  const moved = KEYS.flatMap((_key, index) => (before[index] === after[index] ? [] : [index]))
  expect(new Set(moved.map((index) => before[index]))).toEqual(new Set([urls[2]]))
  expect(moved).toHaveLength(before.filter((id) => id === urls[2]).length)
  expect(new Set(moved.map((index) => after[index]))).toEqual(new Set(urls.slice(0, 2)))
})

test('keys spread evenly over candidates, and by their weights where these differ', () => {
  const key = (turn: number): string => KEYS[turn] ?? ''
  const even = shares(balancer, candidates(...urls), KEYS.length, key)
  for (const url of urls) {
    expect(even[url]).toBeGreaterThan(900)
    expect(even[url]).toBeLessThan(1100)
  }
  const weighted = candidates({ id: 'light', weight: 1 }, { id: 'heavy', weight: 3 })
  const uneven = shares(balancer, weighted, KEYS.length, key)
  expect(uneven['heavy']).toBeGreaterThan(2150)
  expect(uneven['heavy']).toBeLessThan(2350)
})

test('without a key chance decides', () => {
  const all = candidates('a', 'b', 'c')
  expect(shares(new ConsistentHash({ random: evenly(300) }), all, 300)).toEqual({ a: 100, b: 100, c: 100 })
  expect(balancer.pick([], 'key')).toBeUndefined()
  expect(balancer.pick([])).toBeUndefined()
})
