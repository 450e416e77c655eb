import { expect, test } from '@jest/globals'
import { BoundedCache } from '../../src/cache/bounded-cache.ts'
import { FakeClock } from '../support/fake-clock.ts'

function cacheOf(limits: { maxEntries?: number; maxBytes?: number } = {}): {
  cache: BoundedCache
  clock: FakeClock
} {
  const clock = new FakeClock()
  return { cache: new BoundedCache({ maxEntries: 100, maxBytes: 100_000, clock, ...limits }), clock }
}

const key = (digest: string, tenantId = 'acme'): { tenantId: string; digest: string } => ({
  tenantId,
  digest,
})

test('a text is there until its time is over', async () => {
  const { cache, clock } = cacheOf()
  cache.set(key('a'), 'text', 1000)
  await clock.advance(1000)
  expect(cache.get(key('a'))).toBe('text')
  await clock.advance(1)
  expect(cache.get(key('a'))).toBeUndefined()
  expect(cache.figures()).toEqual({ entries: 0, bytes: 0, hits: 1, misses: 1, evictions: 0 })
})

test('a text is found under the tenant that it was cached for, and no other', () => {
  const { cache } = cacheOf()
  cache.set(key('a'), 'text', 1000)
  expect(cache.get(key('a', 'other'))).toBeUndefined()
  expect(cache.figures('other')).toEqual({ entries: 0, bytes: 0, hits: 0, misses: 1, evictions: 0 })
  expect(cache.figures('acme')).toEqual({ entries: 1, bytes: 204, hits: 0, misses: 0, evictions: 0 })
})

test('beyond the number of entries the one goes that was not asked for the longest', () => {
  const { cache } = cacheOf({ maxEntries: 2 })
  cache.set(key('a'), '1', 1000)
  cache.set(key('b'), '2', 1000)
  cache.get(key('a'))
  cache.set(key('c'), '3', 1000)
  expect(['a', 'b', 'c'].map((digest) => cache.get(key(digest)))).toEqual(['1', undefined, '3'])
  expect(cache.figures('acme')).toMatchObject({ entries: 2, evictions: 1 })
})

test('above the number of bytes entries are evicted, and a text that is too large is not cached', () => {
  const { cache } = cacheOf({ maxBytes: 3000 })
  for (let index = 0; index < 20; index += 1) cache.set(key(String(index)), 'é', 1000)
  expect(cache.figures()).toMatchObject({ entries: 14, bytes: 14 * 202, evictions: 6 })
  cache.set(key('large'), 'x'.repeat(101), 1000)
  expect(cache.get(key('large'))).toBeUndefined()
})

test('clearing for a tenant does not evict entries of others', () => {
  const { cache } = cacheOf()
  cache.set(key('a'), '1', 1000)
  cache.set(key('b'), '2', 1000)
  cache.set(key('a', 'other'), '3', 1000)
  expect(cache.clear('acme')).toBe(2)
  expect(cache.get(key('a', 'other'))).toBe('3')
  expect(cache.clear()).toBe(1)
  expect(cache.figures()).toMatchObject({ entries: 0, evictions: 0 })
})
