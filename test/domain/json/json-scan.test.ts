import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { excessOf, REQUEST_LIMITS } from '../../../src/domain/json/json-scan.ts'

const scan = (text: string, limits = REQUEST_LIMITS): string | undefined =>
  excessOf(Buffer.from(text), limits)
const list = (members: number): string => `[${Array.from({ length: members }, () => 1).join()}]`

test.each([
  ['128 levels', `${'['.repeat(128)}${']'.repeat(128)}`],
  ['10,000 elements', list(10_000)],
  ['10,000 members', `{${Array.from({ length: 10_000 }, (_, index) => `"k${index}":1`).join()}}`],
  ['a text of 4 MB', JSON.stringify({ data: 'QUJD'.repeat(1_000_000) })],
  [
    'a text that is JSON itself',
    JSON.stringify({ text: JSON.stringify({ a: list(20_000), b: '[['.repeat(500) }) }),
  ],
  ['brackets, commas and quotes in texts', JSON.stringify({ text: '[{,"\\'.repeat(20_000) })],
  ['many long numbers', `[${Array.from({ length: 9000 }, () => '-1.25e+10').join(' , ')}]`],
  ['long blanks', `{"a":${' '.repeat(5000)}1}`],
  ['no JSON', '}}}]]],,,,'],
])('what is honest passes: %s', (_what, text) => {
  expect(scan(text)).toBeUndefined()
})

test.each([
  ['129 levels', `${'['.repeat(129)}${']'.repeat(129)}`, 'nests more than 128 levels deep'],
  ['millions of levels that never close', '{"a":'.repeat(500_000), 'nests more than 128 levels deep'],
  ['10,001 elements', list(10_001), 'has a list or an object with more than 10000 members'],
  [
    'many lists',
    `[${Array.from({ length: 30 }, () => list(2000)).join()}]`,
    'has more than 50000 members in all its lists and objects',
  ],
  [
    'a number of 4 million digits',
    `{"n":${'9'.repeat(4_000_000)}}`,
    'has a number of more than 1000 characters',
  ],
])('%s are too much', (_what, text, reason) => {
  expect(scan(text)).toBe(reason)
})

test('limits hold for any JSON', () => {
  const limits = { members: 3, allMembers: 5 }
  const members = (value: unknown): number[] =>
    typeof value === 'object' && value !== null
      ? [Object.keys(value).length, ...Object.values(value).flatMap(members)]
      : []
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const counts = members(value)
      const commas = counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0)
      const isTooMuch = counts.some((count) => count > 3) || commas >= 5
      expect(scan(JSON.stringify(value), limits) !== undefined).toBe(isTooMuch)
    }),
  )
})
