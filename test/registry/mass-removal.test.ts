import { expect, test } from '@jest/globals'
import { RemovalGuard } from '../../src/registry/mass-removal.ts'

type Doc = { id: string; version: string }
const docs = (ids: string): Doc[] =>
  ids
    .split(' ')
    .filter((id) => id !== '')
    .map((id) => ({ id, version: '1' }))
const ids = (documents: readonly Doc[]): string => documents.map(({ id }) => id).join(' ')
const facts = { recreated: false, confirmed: new Set<string>(), now: 0 }

function guarding(before: string): RemovalGuard<Doc> {
  const guard = new RemovalGuard<Doc>({ releaseAfterMs: 600_000 })
  guard.rebase(docs(before))
  return guard
}

test.each([
  ['one of one', 'a', '', ''],
  ['two of two', 'a b', '', ''],
  ['two of three', 'a b c', 'a', 'a'],
  ['three of six, which is not more than half', 'a b c d e f', 'a b c', 'a b c'],
  ['three of five', 'a b c d e', 'a b', 'a b c d e'],
  ['three of three', 'a b c', '', 'a b c'],
  ['three of five beside new ones', 'a b c d e', 'a b x y z', 'a b x y z c d e'],
])('of a removal of %s remains what is expected', (_case, before, after, inForce) => {
  const guard = guarding(before)
  expect(ids(guard.judge(docs(after), facts))).toBe(inForce)
})

test('documents removed one after the other go one after the other', () => {
  const guard = guarding('a b c d')
  for (const left of ['a b c', 'a b', 'a', '']) expect(ids(guard.judge(docs(left), facts))).toBe(left)
})

test('a held removal takes effect when it has stood for its time', () => {
  const guard = guarding('a b c d')
  guard.judge(docs('a'), { ...facts, now: 1000 })
  expect(guard.hold).toMatchObject({ cause: 'mass', since: 1000, until: 601_000, removed: docs('b c d') })
  expect(ids(guard.judge(docs('a'), { ...facts, now: 600_999 }))).toBe('a b c d')
  expect(ids(guard.judge(docs('a'), { ...facts, now: 601_000 }))).toBe('a')
  expect(guard.hold).toBeUndefined()
})

test('a held removal that grows has to stand anew', () => {
  const guard = guarding('a b c d e')
  guard.judge(docs('a b'), { ...facts, now: 0 })
  guard.judge(docs('a'), { ...facts, now: 500_000 })
  expect(guard.hold?.until).toBe(1_100_000)
})

test('a held removal takes effect when its id is confirmed, which other gateways know too', () => {
  const guard = guarding('a b c d')
  guard.judge(docs('a'), facts)
  const other = guarding('d c b a')
  other.judge(docs('a'), { ...facts, now: 99 })
  const id = guard.hold?.id ?? ''
  expect(id).toMatch(/^[0-9a-f]{12}$/)
  expect(other.hold?.id).toBe(id)
  expect(ids(guard.judge(docs('a'), { ...facts, confirmed: new Set([id]) }))).toBe('a')
})

test('a confirmation does not count for a later removal of documents of the same names', () => {
  const guard = guarding('a b c')
  guard.judge([], facts)
  const confirmed = new Set([guard.hold?.id ?? ''])
  guard.judge([], { ...facts, confirmed })
  guard.judge(
    docs('a b c').map(({ id }) => ({ id, version: '2' })),
    facts,
  )
  expect(ids(guard.judge([], { ...facts, confirmed }))).toBe('a b c')
})

test('a held document that comes back is held no more, and the others still are', () => {
  const guard = guarding('a b c d')
  guard.judge(docs('a'), facts)
  expect(ids(guard.judge(docs('a b'), facts))).toBe('a b c d')
  expect(guard.hold?.removed).toEqual(docs('c d'))
  expect(ids(guard.judge(docs('a b c d'), facts))).toBe('a b c d')
  expect(guard.hold).toBeUndefined()
})

test('in a recreated store every removal is held without end, until it is confirmed', () => {
  const guard = guarding('a')
  const recreated = { ...facts, recreated: true }
  expect(ids(guard.judge([], recreated))).toBe('a')
  expect(ids(guard.judge([], { ...recreated, now: 1e12 }))).toBe('a')
  expect(guard.hold).toMatchObject({ cause: 'recreated', until: undefined })
  const confirmed = new Set([guard.hold?.id ?? ''])
  expect(ids(guard.judge([], { ...recreated, confirmed }))).toBe('')
})

test('a store that only seemed to be recreated holds back no more than a mass', () => {
  const guard = guarding('a b')
  guard.judge([], { ...facts, recreated: true })
  expect(ids(guard.judge([], facts))).toBe('')
})
