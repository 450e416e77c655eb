import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { search } from '@jmespath-community/jmespath'
import { compileExpression } from '../../src/pipelines/expression.ts'
import { Fuel } from '../../src/pipelines/fuel.ts'
import { soak } from '../support/soak.ts'

const NAMES = { steps: new Set<string>(), laterSteps: new Set<string>(), inputs: undefined, hasItem: false }

function evaluate(text: string, input: unknown, fuel?: Fuel): unknown {
  const expression = compileExpression(text, NAMES)
  if (!('evaluate' in expression)) throw new Error(expression.join('; '))
  return expression.evaluate({ input }, fuel)
}

function nested(times: number, make: (inner: string) => string): string {
  return Array.from({ length: times }).reduce<string>((inner) => make(inner), 'input')
}

const TOO_MUCH = 'the expression exceeds its limit of work or of data size'
const A = 'a'.repeat(63)

describe('an expression that would make much of little ends before it is made', () => {
  test.each<[string, string, unknown]>([
    ['join and split in each other', nested(4, (x) => `join('${A}', split(${x}, 'a'))`), 'a'.repeat(20)],
    ['join and split in a pipe', `input${` | join('${A}', split(@, 'a'))`.repeat(6)}`, 'a'.repeat(20)],
    [
      'split by another, and a separator',
      nested(5, (x) => `join('${'b'.repeat(64)}', split(${x}, 'b'))`),
      'abcb',
    ],
    ['quotes of quotes', nested(60, (x) => `to_string([${x}])`), '"'],
    ['pairs of pairs, as text', `input${' | zip(@, @)'.repeat(40)} | to_string(@)`, [1, 2]],
    ['pairs of pairs, made flat', `input${' | zip(@, @)[]'.repeat(25)}`, [1, 2]],
    ['many lists in each other', `input${' | zip(@, @, @, @, @, @, @, @)[]'.repeat(12)}`, [1, 2]],
    ['texts of maps', `input${' | map(&to_string(@), zip(@, @)[])'.repeat(18)}`, ['"']],
    ['slices of long texts', `map(&@[::-1], input) | length(@)`, Array(40).fill('x'.repeat(1e6))],
    [
      'sorting long texts that are the same for long',
      'sort(input) | length(@)',
      Array(3000).fill('x'.repeat(50_000)),
    ],
    [
      'sorting by long keys',
      'sort_by(input, &k) | length(@)',
      Array.from({ length: 3000 }, () => ({ k: 'x'.repeat(50_000) })),
    ],
    ['many items and entries', `input${' | items(@) | from_items(@)'.repeat(24)} | length(@)`, wide(20_000)],
  ])('%s', (_what, text, input) => {
    const before = process.memoryUsage().rss
    expect(() => evaluate(text, input)).toThrow(TOO_MUCH)
    expect(process.memoryUsage().rss - before).toBeLessThan(700 * 1024 * 1024)
  })
})

function wide(keys: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, index]))
}

test('what is honest and large is evaluated', () => {
  const rows = Array.from({ length: 50_000 }, (_, id) => ({ id, name: `n${id % 100}`, tags: ['a', 'b'] }))
  expect(evaluate("length(input[?name == 'n7'].id)", rows)).toBe(500)
  expect(evaluate('sort_by(input, &name)[0].name', rows)).toBe('n0')
  expect(evaluate('length(input[].tags[])', rows)).toBe(100_000)
  expect(evaluate("length(split(input, ' '))", 'word '.repeat(100_000))).toBe(100_001)
  expect(evaluate('max(input[].id)', rows)).toBe(49_999)
  expect(evaluate('length(reverse(input))', 'é'.repeat(500_000))).toBe(500_000)
})

test.each<[string, unknown, unknown]>([
  [
    'group_by(input, &k)',
    [{ k: 'constructor' }, { k: '__proto__' }],
    { constructor: [{ k: 'constructor' }], ['__proto__']: [{ k: '__proto__' }] },
  ],
  ['sort(input)', [10, 9, 1], [1, 9, 10]],
  ['sort(input)', ['\u{1f600}', '\uff5e', 'b', 'a'], ['a', 'b', '\uff5e', '\u{1f600}']],
  ['min(input)', ['b', 'a'], 'a'],
  ['max(input)', [], null],
  ['reverse(input)', 'a\u{1f600}b', 'b\u{1f600}a'],
  ['length(input)', 'a\u{1f600}b', 3],
  [
    'zip(input, input)',
    [1, 2],
    [
      [1, 1],
      [2, 2],
    ],
  ],
  ["split(input, ',', `1`)", 'a,b,c', ['a', 'b,c']],
  ["split(input, ',', `0`)", 'a,b,c', ['a,b,c']],
  ["join(', ', input)", ['a', 'b'], 'a, b'],
  [
    'sort_by(input, &a)[].b',
    [
      { a: 2, b: 'x' },
      { a: 1, b: 'y' },
    ],
    ['y', 'x'],
  ],
  [
    'input[?a && !b || c == `1`].n',
    [
      { a: 1, n: 1 },
      { a: [], n: 2 },
      { a: {}, c: 1, n: 3 },
      { a: 1, b: 1, n: 4 },
    ],
    [1, 3],
  ],
  ['to_string(input)', { a: ['"'] }, '{"a":["\\""]}'],
])('%s of %j is %j', (text, input, value) => {
  expect(evaluate(text, input)).toEqual(value)
})

test('the value is the one that the library gives, whatever the data', () => {
  const texts = [
    'input', 'input[]', 'input[*]', 'input.*', 'input[?a]', 'input[?a == b]', 'input[?a != b].a', 'input.a || input.b',
    'input.a && input.b', '!input', 'input[1:]', 'input[::-1]', '[input, input]', '{x: input}', 'to_string(input)',
    'type(input)', 'input.a == input.b', 'input[].a[]', 'not_null(input.a, input.b)', 'to_array(input)',
  ] // prettier-ignore
  // As JSON has it, which knows no negative zero.
  const data = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  const withKeys = fc.oneof(data, fc.record({ a: data, b: data }), fc.array(fc.record({ a: data, b: data })))
  fc.assert(
    fc.property(fc.constantFrom(...texts), withKeys, (text, input) => {
      const scope = { input } as never
      expect(evaluate(text, input)).toEqual(JSON.parse(JSON.stringify(search(scope, text))))
    }),
    { numRuns: soak(300, 100) },
  )
})

test('fuel is of one run: what one expression took, the next one does not have', () => {
  const fuel = new Fuel({ units: 10_000 })
  const list = Array.from({ length: 200 }, () => 1)
  expect(evaluate('length(input[*])', list, fuel)).toBe(200)
  expect(() => evaluate('length(input[*])', list, fuel)).toThrow(TOO_MUCH)
})
