import { describe, expect, test } from '@jest/globals'
import { type PagedList, pageOf } from '../../src/catalog/page.ts'
import type { CatalogItem } from '../../src/catalog/server-catalog.ts'
import { principal } from '../support/offers.ts'

const list: PagedList = { principal: principal(), list: 'tools/list', scope: undefined }
const itemsOf = (names: readonly string[]): CatalogItem[] =>
  names.map((name) => ({ server: 'acme/s', serverName: 's', name, shownAs: name, listed: {} }))
const items = itemsOf(['a', 'b', 'c', 'd', 'e'])
const namesOf = (page: readonly CatalogItem[]): string[] => page.map(({ shownAs }) => shownAs)
const inBase64 = (text: string): string => Buffer.from(text).toString('base64url')

test('pages follow each other without gaps, and the last has no cursor', () => {
  const first = pageOf(items, undefined, 2, list)
  const second = pageOf(items, first.nextCursor, 2, list)
  const third = pageOf(items, second.nextCursor, 2, list)
  expect([first, second, third].map((page) => namesOf(page.items))).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  expect(third.nextCursor).toBeUndefined()
  expect(pageOf(items, undefined, 5, list).nextCursor).toBeUndefined()
})

test('a cursor goes on at the right place when items came or went meanwhile', () => {
  const { nextCursor } = pageOf(items, undefined, 2, list)
  const changed = items.filter(({ shownAs }) => shownAs !== 'b' && shownAs !== 'c')
  expect(namesOf(pageOf(changed, nextCursor, 2, list).items)).toEqual(['d', 'e'])
})

test.each(['ä'.repeat(5000), '\ud800'.repeat(300), '"'.repeat(600)])(
  'a cursor after a long name fits into a URL and goes on after it',
  (name) => {
    const long = itemsOf([`${name}1`, `${name}2`, `${name}3`])
    const { nextCursor = '' } = pageOf(long, undefined, 2, list)
    expect(nextCursor.length).toBeLessThanOrEqual(1024)
    expect(namesOf(pageOf(long, nextCursor, 2, list).items)).toEqual([`${name}3`])
  },
)

test('a cursor is good for another token of the same caller with the same rights', () => {
  const { nextCursor } = pageOf(items, undefined, 2, list)
  const renewed = principal({ expiresAtMs: 1 })
  expect(namesOf(pageOf(items, nextCursor, 2, { ...list, principal: renewed }).items)).toEqual(['c', 'd'])
})

const { nextCursor: given = '' } = pageOf(items, undefined, 2, list)

describe('a cursor is refused', () => {
  test.each<[string, Partial<PagedList>]>([
    ['another subject', { principal: principal({ subject: 'bob' }) }],
    ['another tenant', { principal: principal({ tenantId: 'globex' }) }],
    ['a caller with other roles', { principal: principal({ roles: ['writer'] }) }],
    ['another list', { list: 'prompts/list' }],
    ['one server alone', { scope: 'tools/list' }],
  ])('that comes back for %s', (_what, other) => {
    expect(() => pageOf(items, given, 2, { ...list, ...other })).toThrow(
      expect.objectContaining({ code: 'invalid_cursor' }),
    )
  })

  const [owner] = JSON.parse(Buffer.from(given, 'base64url').toString()) as [string]

  test.each([
    '',
    'x',
    inBase64('{}'),
    inBase64('["b"]'),
    inBase64(JSON.stringify([owner])),
    inBase64(JSON.stringify([owner, -1])),
    inBase64(JSON.stringify([owner, 0.5])),
    inBase64(JSON.stringify([owner, null])),
  ])('that is none: %j', (cursor) => {
    expect(() => pageOf(items, cursor, 2, list)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }))
  })
})

describe('a page', () => {
  const large = (bytes: number, name: string): CatalogItem => ({
    server: 'acme/s',
    serverName: 's',
    name,
    shownAs: name,
    listed: { text: 'x'.repeat(bytes) },
  })
  const sizes = (all: readonly CatalogItem[]): number[] => {
    const counts: number[] = []
    let cursor: string | undefined
    do {
      const page = pageOf(all, cursor, 1000, list)
      counts.push(page.items.length)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return counts
  }

  test('has 2 MiB of definitions at most', () => {
    const names = Array.from({ length: 100 }, (_, index) => `n${String(index).padStart(2, '0')}`)
    expect(sizes(names.map((name) => large(60_000, name)))).toEqual([34, 34, 32])
  })

  test('has one definition at least', () => {
    expect(sizes([large(3_000_000, 'a'), large(3_000_000, 'b')])).toEqual([1, 1])
  })
})
