import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { isJsonObject } from '../../../src/domain/json/json.ts'
import { type Members, membersOf } from '../../../src/domain/json/json-reader.ts'
import { soak } from '../../support/soak.ts'

const RUNS = { numRuns: soak(10_000, 300) }

function isRead(text: string): boolean {
  try {
    membersOf(Buffer.from(text))
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

function isObjectText(text: string): boolean {
  try {
    return isJsonObject(JSON.parse(text))
  } catch {
    return false
  }
}

/** JSON text as people and libraries write it: with blanks between everything, and escapes in strings. */
const blank = fc.constantFrom('', '', ' ', '\n', '\r\n', '\t', '  ')
const character = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'é', '漢', '😀', '/', '{', '[', ',', ':', '\u007F', '\u2028'),
  },
  { weight: 2, arbitrary: fc.constantFrom('\\"', '\\\\', '\\/', '\\n', '\\u0061', '\\uD83D', '\\u00e9') },
)
const text = fc
  .oneof(fc.array(character, { maxLength: 8 }), fc.array(character, { minLength: 20, maxLength: 60 }))
  .map((parts) => `"${parts.join('')}"`)
const scalar = fc.oneof(
  text,
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1.50',
    '-12e+3',
    '1E400',
    '9007199254740993',
    '0.1e-7',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
)
const { value: anyText, object: objectText } = fc.letrec<{
  value: string
  list: string
  object: string
}>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, tie('list'), tie('object')),
  list: fc
    .array(fc.tuple(blank, tie('value'), blank), { maxLength: 4 })
    .map((items) => `[${items.map((parts) => parts.join('')).join(',')}]`),
  object: fc
    .tuple(blank, fc.array(fc.tuple(blank, text, blank, blank, tie('value'), blank), { maxLength: 4 }))
    .map(
      ([empty, members]) =>
        `{${members.length === 0 ? empty : ''}${members
          .map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value}${d}`)
          .join(',')}}`,
    ),
}))

describe('what is read', () => {
  test('is every object that JSON.parse reads', () => {
    fc.assert(
      fc.property(blank, objectText, blank, (before, object, after) => {
        expect(isRead(before + object + after)).toBe(true)
      }),
      RUNS,
    )
  })

  test('is nothing else that is JSON', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        expect(isRead(value)).toBe(isObjectText(value))
      }),
      RUNS,
    )
  })

  test('is nothing that JSON.parse refuses: one character removed, added, or replaced', () => {
    const broken = fc.constantFrom(...'{}[],:"\\ue0-+.1tfn \u0000\n'.split(''))
    const changed = fc.tuple(objectText, fc.nat(), broken, fc.constantFrom('add', 'remove', 'replace'))
    fc.assert(
      fc.property(changed, ([object, place, part, how]) => {
        const at = place % (object.length + 1)
        const spoilt =
          object.slice(0, at) + (how === 'remove' ? '' : part) + object.slice(how === 'add' ? at : at + 1)
        // A lone half of a pair becomes another character as UTF-8.
        const asBytes = Buffer.from(spoilt).toString()
        expect([asBytes, isRead(asBytes)]).toEqual([asBytes, isObjectText(asBytes)])
      }),
      { ...RUNS, numRuns: RUNS.numRuns * 2 },
    )
  })

  test.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['a list', '[]'],
    ['an object that does not end', '{"a":1'],
    ['a string that does not end', '{"a":"b'],
    ['a long string that does not end', `{"a":"${'b'.repeat(100)}`],
    ['a string that ends in an escape', '{"a":"b\\'],
    ['a name without a value', '{"a"}'],
    ['a name without quotes', '{a:1}'],
    ['a comma at the end', '{"a":1,}'],
    ['a comma at the beginning', '{,"a":1}'],
    ['a comma alone', '{,}'],
    ['a comma at the end of a list', '{"a":[1,]}'],
    ['a list that ends like an object', '{"a":[1}}'],
    ['an object that ends like a list', '{"a":1]'],
    ['a second object', '{}{}'],
    ['a mark of the order of bytes', '\uFEFF{}'],
    ['a no-break space', '{\u00A0}'],
    ['a number with a leading zero', '{"a":01}'],
    ['a number with a plus', '{"a":+1}'],
    ['a number that ends with its point', '{"a":1.}'],
    ['a number without digits', '{"a":-}'],
    ['NaN', '{"a":NaN}'],
    ['Infinity', '{"a":Infinity}'],
    ['True', '{"a":True}'],
    ['an unknown escape', '{"a":"\\x"}'],
    ['half of an escape', '{"a":"\\u12"}'],
    ['a line break in a short string', '{"a":"b\nc"}'],
    ['a line break in a long string', `{"a":"${'b'.repeat(100)}\nc"}`],
    ['a carriage return in a long string', `{"a":"${'b'.repeat(100)}\rc"}`],
    ['a control character in a long string', `{"a":"${'b'.repeat(100)}\u0000${'b'.repeat(100)}"}`],
    ['a control character at the end of a long string', `{"a":"${'b'.repeat(101)}\u001f"}`],
    ['a control character behind an escape', `{"a":"\\n${'b'.repeat(30)}\u0007"}`],
    ['a control character in a short string', '{"a":"b\u0001c"}'],
  ])('is not %s', (_what, given) => {
    expect([isRead(given), isObjectText(given)]).toEqual([false, false])
  })

  test('has at most 128 levels', () => {
    const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    const lists = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect([isRead(nested(128)), isRead(nested(129))]).toEqual([true, false])
    expect([isRead(lists(127)), isRead(lists(128))]).toEqual([true, false])
    expect(isRead('{"a":'.repeat(1_000_000))).toBe(false)
  })
})

describe('the members', () => {
  const textsOf = (bytes: Buffer, { places }: Members, level: number): [string, unknown][] =>
    places
      .filter((place) => place.level === level)
      .map(({ nameStart, nameEnd, valueStart, valueEnd }) => [
        JSON.parse(bytes.toString('utf8', nameStart, nameEnd)) as string,
        JSON.parse(bytes.toString('utf8', valueStart, valueEnd)) as unknown,
      ])

  test('stand where their bytes have the same values as JSON.parse gives', () => {
    fc.assert(
      fc.property(objectText, (object) => {
        const bytes = Buffer.from(object)
        const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>
        // Of a name that is there twice, the last one counts in both.
        expect(Object.fromEntries(textsOf(bytes, membersOf(bytes), 1))).toEqual(parsed)
      }),
      RUNS,
    )
  })

  test('of members stand before these, and within their bytes', () => {
    const given = Buffer.from('{"a":{"b":1,"c":{"d":2}},"e":[{"f":3}],"g":{}}')
    const members = membersOf(given)
    expect(
      members.places.map(({ level, nameStart }) => [
        level,
        given.toString('utf8', nameStart + 1, nameStart + 2),
      ]),
    ).toEqual([
      [2, 'b'],
      [2, 'c'],
      [1, 'a'],
      [1, 'e'],
      [1, 'g'],
    ])
    expect(textsOf(given, members, 2)).toEqual([
      ['b', 1],
      ['c', { d: 2 }],
    ])
  })

  test.each([
    ['a name of the object', '{"\\u0061":1}', true],
    ['a name deep within', '{"a":[{"b":{"c\\/":1}}]}', true],
    ['a value only', '{"a":"\\u0061"}', false],
    ['nothing', '{"a":1}', false],
  ])('tell of escapes in names: %s', (_what, given, hasEscapedNames) => {
    expect(membersOf(Buffer.from(given)).hasEscapedNames).toBe(hasEscapedNames)
  })
})

describe('the bytes that are searched', () => {
  /** How many bytes all native searches together look at. */
  const searchedIn = (given: string): number => {
    const bytes = Buffer.from(given)
    let searched = 0
    const indexOf = (value: number, from: number): number => {
      const at: number = Uint8Array.prototype.indexOf.call(bytes, value, from)
      searched += (at === -1 ? bytes.length : at + 1) - from
      return at
    }
    membersOf(Object.defineProperty(bytes, 'indexOf', { value: indexOf }))
    return searched
  }
  const LONG = 'x'.repeat(100)

  test.each([
    ['many long strings', JSON.stringify({ list: Array.from({ length: 2000 }, () => LONG) })],
    ['the same, a line each', JSON.stringify({ list: Array.from({ length: 2000 }, () => LONG) }, null, 1)],
    [
      'the same, with carriage returns',
      JSON.stringify({ list: Array.from({ length: 2000 }, () => LONG) }, null, 1).replaceAll('\n', '\r'),
    ],
    ['one string of backslashes', JSON.stringify({ text: '\\'.repeat(100_000) })],
    ['one string of quotes', JSON.stringify({ text: '"'.repeat(100_000) })],
    [
      'long strings with a backslash at the end of the whole',
      JSON.stringify({ list: [...Array.from({ length: 2000 }, () => LONG), '\\'] }),
    ],
    [
      'many strings with one backslash each',
      JSON.stringify({ list: Array.from({ length: 2000 }, () => `${LONG}\\`) }),
    ],
    ['a text of many lines', JSON.stringify({ text: `${LONG}\n`.repeat(2000) })],
    ['JSON in a string', JSON.stringify({ text: JSON.stringify(Array.from({ length: 2000 }, () => LONG)) })],
  ])('are at most four times as many as there are: %s', (_what, given) => {
    expect(searchedIn(given) / Buffer.byteLength(given)).toBeLessThanOrEqual(4)
  })
})
