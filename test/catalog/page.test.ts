import { expect, test } from '@jest/globals'
import { pageOf } from '../../src/catalog/page.ts'
import type { CatalogItem } from '../../src/catalog/server-catalog.ts'

const items = ['a', 'b', 'c', 'd', 'e'].map((name): CatalogItem => ({
  server: 'acme/s',
  serverName: 's',
  name,
  shownAs: name,
  listed: {},
}))
const namesOf = (page: readonly CatalogItem[]): string[] => page.map(({ shownAs }) => shownAs)

test('pages follow each other without gaps, and the last has no cursor', () => {
  const first = pageOf(items, undefined, 2)
  const second = pageOf(items, first.nextCursor, 2)
  const third = pageOf(items, second.nextCursor, 2)
  expect([first, second, third].map((page) => namesOf(page.items))).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  expect(third.nextCursor).toBeUndefined()
  expect(pageOf(items, undefined, 5).nextCursor).toBeUndefined()
})

test('a cursor goes on at the right place when items came or went meanwhile', () => {
  const { nextCursor } = pageOf(items, undefined, 2)
  const changed = items.filter(({ shownAs }) => shownAs !== 'b' && shownAs !== 'c')
  expect(namesOf(pageOf(changed, nextCursor, 2).items)).toEqual(['d', 'e'])
})

test.each([
  '',
  'x',
  Buffer.from('{}').toString('base64url'),
  Buffer.from('{"after":1}').toString('base64url'),
])('refuses the cursor %j', (cursor) => {
  expect(() => pageOf(items, cursor, 2)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }))
})
