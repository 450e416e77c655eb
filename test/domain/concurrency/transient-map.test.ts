import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { TransientMap } from '../../../src/domain/concurrency/transient-map.ts'

test('has its entries in the order in which they came, with the values that they were given last', () => {
  const map = new TransientMap<number | string, string>()
  map.set(1, 'a')
  map.set('b', 'b')
  map.set(1, 'c')
  expect([...map.entries()]).toEqual([
    [1, 'c'],
    ['b', 'b'],
  ])
  expect([...map.values(), map.size, map.get(1), map.get(2), map.has('b'), map.has(2)]).toEqual([
    'c',
    'b',
    2,
    'c',
    undefined,
    true,
    false,
  ])
})

test('forgets an entry that is removed, and says whether it was there', () => {
  const map = new TransientMap<number, string>()
  map.set(1, 'a')
  expect([map.delete(1), map.delete(1), map.get(1), map.size]).toEqual([true, false, undefined, 0])
})

test('leaves out what is removed while it is gone through', () => {
  const map = new TransientMap<number, string>()
  map.set(1, 'a')
  map.set(2, 'b')
  map.set(3, 'c')
  const seen: string[] = []
  for (const value of map.values()) {
    seen.push(value)
    map.delete(2)
  }
  expect(seen).toEqual(['a', 'c'])
})

test('is empty after everything was removed at once', () => {
  const map = new TransientMap<number, string>()
  map.set(1, 'a')
  map.clear()
  expect([...map.entries(), map.size]).toEqual([0])
})

test('what has passed is found by short collections of garbage, although the map lives on', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void
  const map = new TransientMap<number, readonly number[]>()
  collect({ type: 'major' })
  const before = getHeapStatistics().used_heap_size
  for (let number = 0; number < 50_000; number += 1) {
    map.set(
      number,
      Array.from({ length: 50 }, () => number),
    )
    map.delete(number - 32)
    if (number % 500 === 0) collect({ type: 'minor' })
  }
  collect({ type: 'minor' })
  // A `Map` has all 25 MB of it then.
  expect(getHeapStatistics().used_heap_size - before).toBeLessThan(12_000_000)
  expect(map.size).toBe(32)
})
