import { beforeAll, describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { mendJsonParse } from '../../../src/domain/json/json.ts'
import { soak } from '../../support/soak.ts'
import { anyText } from '../../support/shared/any-text.ts'

beforeAll(() => mendJsonParse())

/** The JSON text of a value, each name written with as many escapes as there can be. */
function escapedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(escapedJson).join(' , ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([name, member]) => `${escapedText(name)} : ${escapedJson(member)}`,
  )
  return `{${members.join(',\n')}}`
}

function escapedText(text: string): string {
  const codes = Array.from({ length: text.length }, (_, at) =>
    text.charCodeAt(at).toString(16).padStart(4, '0'),
  )
  return `"${codes.map((code) => `\\u${code}`).join('')}"`
}

describe('JSON.parse', () => {
  test.each([
    [String.raw`{"x":1,"\\u":1}`, String.raw`{"x":1,"\u00e9t":2}`, ['x', 'ét']],
    [String.raw`{"x":1,"\\":1}`, String.raw`{"x":1,"\"":2}`, ['x', '"']],
    [String.raw`{"x":1,"\\":1}`, String.raw`{"x":1,"\n":2}`, ['x', '\n']],
    [String.raw`{"x":1,"a\\u0":1}`, String.raw`{"x":1,"a\u0062cd":2}`, ['x', 'abcd']],
    [String.raw`{"x":{"\\\\":1}}`, String.raw`{"x":{"\\\"" :2}}`, ['x']],
  ])('reads names as they are written after %s: %s', (before, text, names) => {
    JSON.parse(before)
    const value = JSON.parse(text) as Record<string, unknown>
    expect(Object.keys(value)).toEqual(names)
    expect(JSON.parse(JSON.stringify(value))).toEqual(value)
  })

  test('reads every value with escaped names as the value that was written, regardless of what it read before', () => {
    const name = fc.oneof(
      fc.constantFrom('\\', '\\\\', '\\u', '"', '__proto__', 'constructor', '7', ''),
      anyText({ maxLength: 4 }),
    )
    const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.oneof(
          anyText(),
          fc.double({ noDefaultInfinity: true, noNaN: true }),
          fc.constantFrom(true, false, null),
        ),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(anyValue, (value) => {
        const plain = JSON.stringify(value)
        for (const text of [plain, escapedJson(value)]) expect(JSON.stringify(JSON.parse(text))).toBe(plain)
      }),
      { numRuns: soak(20_000, 500) },
    )
  })

  test('takes the last of members of one name, and makes no prototype of one', () => {
    const value = JSON.parse(String.raw`{"\u0061":1,"b":2,"a":3,"\u005f_proto__":{"c":4}}`) as object
    expect(Object.entries(value)).toEqual([
      ['a', 3],
      ['b', 2],
      ['__proto__', { c: 4 }],
    ])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  test('reads text that nests 100,000 levels deep', () => {
    const text = `${String.raw`{"\u0061":[`.repeat(50_000)}${']}'.repeat(50_000)}`
    let [depth, value] = [0, JSON.parse(text) as unknown]
    while (typeof value === 'object' && value !== null && Object.values(value).length > 0) {
      value = Object.values(value)[0]
      depth += 1
    }
    expect(depth).toBe(99_999)
  })

  test('says what is wrong with text that is not JSON, and where', () => {
    expect((): unknown => JSON.parse(String.raw`{"\u0061":1,}`)).toThrow(
      'Expected double-quoted property name in JSON at position 12',
    )
    for (const text of [String.raw`{"\u0061`, String.raw`{"\u006":1}`, String.raw`{"\u0061":`, '\\', '"\\":'])
      expect((): unknown => JSON.parse(text)).toThrow(SyntaxError)
  })

  test('gives members with escaped names to a reviver, innermost first', () => {
    const seen: string[] = []
    const value: unknown = JSON.parse(
      String.raw`{"\u0061":{"b":1,"\u0063":2},"d":[3,{"\"":4}]}`,
      function (this: unknown, key: string, member: unknown) {
        seen.push(key)
        return key === 'c' ? undefined : typeof member === 'number' ? member * 2 : member
      },
    )
    expect(seen).toEqual(['b', 'c', 'a', '0', '"', '1', 'd', ''])
    expect(value).toEqual({ a: { b: 2 }, d: [6, { '"': 8 }] })
  })

  test('reads what is not text as before', () => {
    expect(JSON.parse(Buffer.from(String.raw`{"\u0061":1}`) as unknown as string)).toEqual({ a: 1 })
    expect((): unknown => JSON.parse(undefined as unknown as string)).toThrow('"undefined" is not valid JSON')
  })
})
