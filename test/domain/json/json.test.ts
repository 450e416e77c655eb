import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { canonicalJson, isJsonObject } from '../../../src/domain/json/json.ts'
import { anyText } from '../../support/shared/any-text.ts'
import { soak } from '../../support/soak.ts'

test('canonical text has sorted keys at every depth', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}')
})

test('canonical text says the same as the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

/** As digests that are stored were computed: equal arguments of all versions must have equal digests. */
function sortedByReplacer(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    isJsonObject(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

test('canonical text is what a replacer that sorts the members of every object makes of the value', () => {
  const oddKeys = [
    '__proto__',
    'constructor',
    'toJSON',
    '',
    '0',
    '9',
    '10',
    '01',
    '-1',
    '4294967295',
    'é',
    '\ud800',
  ]
  const key = fc.oneof(fc.constantFrom(...oddKeys), anyText())
  const { value: values } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(undefined, null, true, -0, NaN, 1e21, '\ud800', new Date(0)),
      fc.double(),
      anyText(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 6 })
        .map((members) => Object.fromEntries(members) as unknown),
    ),
  }))
  fc.assert(
    fc.property(values, (value) => {
      expect(canonicalJson(value)).toBe(sortedByReplacer(value))
    }),
    { numRuns: soak(1000, 300) },
  )
})

test('canonical text is that of the form which a value has as JSON', () => {
  expect(canonicalJson([{ a: { toJSON: () => ({ d: 1, c: [new Date(0)] }) } }])).toBe(
    '[{"a":{"c":["1970-01-01T00:00:00.000Z"],"d":1}}]',
  )
})

test('only objects are objects', () => {
  expect([{}, Object.create(null)].every(isJsonObject)).toBe(true)
  expect([null, [], 'x', 5, undefined].some(isJsonObject)).toBe(false)
})
