import { expect, test } from '@jest/globals'
import { checkArguments } from '../../src/calls/argument-check.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'

function problemsOf(inputSchema: JsonObject, value: JsonObject): readonly string[] {
  try {
    checkArguments({ inputSchema }, value)
    return []
  } catch (error) {
    return (error as { facts: { problems: string[] } }).facts.problems
  }
}

const schema = {
  type: 'object',
  properties: {
    path: { type: 'string' },
    depth: { type: 'integer', minimum: 0 },
    mode: { enum: ['a', 'b'] },
  },
  required: ['path'],
  additionalProperties: false,
}

test('every mismatch is named with its place', () => {
  expect(problemsOf(schema, { depth: -1, mode: 'c', extra: 1 })).toEqual([
    "arguments must have required property 'path'",
    'arguments must NOT have additional properties (extra)',
    'arguments.depth must be >= 0',
    'arguments.mode must be equal to one of the allowed values',
  ])
  expect(problemsOf(schema, { path: 'x', depth: 0 })).toEqual([])
})

test('properties that are called like keywords are properties', () => {
  const odd = {
    type: 'object',
    properties: { pattern: { type: 'string' }, format: { type: 'number' } },
    required: ['pattern'],
  }
  expect(problemsOf(odd, { format: 'x' })).toEqual([
    "arguments must have required property 'pattern'",
    'arguments.format must be number',
  ])
})

test("a server's regular expressions are never run here", () => {
  const bomb = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } }
  expect(problemsOf(bomb, { a: `${'a'.repeat(40)}!` })).toEqual([])
})

test.each([
  ['refers elsewhere', { type: 'object', properties: { a: { $ref: 'http://127.0.0.1:1/schema.json' } } }],
  ['is not valid', { type: 'nonsense' }],
  [
    'is very large',
    {
      type: 'object',
      properties: { a: { type: 'string', description: 'x'.repeat(70_000) } },
      required: ['b'],
    },
  ],
  ['names an unknown dialect', { $schema: 'https://example.com/dialect', type: 'object' }],
])('a schema that %s is left to the server', (_what, inputSchema) => {
  expect(problemsOf(inputSchema, { a: 1 })).toEqual([])
})

test('references within a schema are followed', () => {
  const inner = { type: 'object', properties: { a: { $ref: '#/$defs/n' } }, $defs: { n: { type: 'number' } } }
  expect(problemsOf(inner, { a: 'x' })).toEqual(['arguments.a must be number'])
})

test('what objects inherit is no argument', () => {
  const odd = {
    type: 'object',
    properties: { constructor: { type: 'string' }, toString: { type: 'string' }, season: { type: 'number' } },
    required: ['season'],
  }
  expect(problemsOf(odd, { season: 2026 })).toEqual([])
  expect(problemsOf(odd, JSON.parse('{"season":1,"constructor":2}') as JsonObject)).toEqual([
    'arguments.constructor must be string',
  ])
  expect(problemsOf({ type: 'object', required: ['toString'] }, {})).toEqual([
    "arguments must have required property 'toString'",
  ])
})

const doubling = (levels: number, at: string): JsonObject =>
  Object.fromEntries(
    Array.from({ length: levels }, (_, level) => {
      const $ref = `#/${at}/a${level + 1}`
      return [`a${level}`, { allOf: [{ $ref }, { $ref }] }]
    }),
  )

const x = (of: JsonObject, rest: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties: { x: of },
  ...rest,
})
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const deep = (levels: number): JsonObject => (levels === 0 ? {} : { k: deep(levels - 1) })
const twice = [{ properties: { k: { $ref: '#/$defs/n' } } }, { properties: { k: { $ref: '#/$defs/n' } } }]

test.each<[string, JsonObject, unknown]>([
  [
    'references that double',
    x({ $ref: '#/$defs/a0' }, { $defs: { ...doubling(40, '$defs'), a40: { type: 'number' } } }),
    1,
  ],
  [
    'references into defaults',
    x({ $ref: '#/default/a0' }, { default: { ...doubling(40, 'default'), a40: {} } }),
    1,
  ],
  [
    'references into constants',
    x(
      { $ref: '#/$defs/c/const/a0' },
      { $defs: { c: { const: { ...doubling(40, '$defs/c/const'), a40: {} } } } },
    ),
    1,
  ],
  [
    'references by dynamic anchors',
    x({ $ref: '#/$defs/n' }, { $defs: { n: { $dynamicAnchor: 'n', allOf: [{ $dynamicRef: '#n' }] } } }),
    1,
  ],
  ['references to itself', x({ $ref: '#/properties/x' }), 1],
  [
    'recursion that doubles with each level',
    x({ $ref: '#/$defs/n' }, { $defs: { n: { anyOf: twice, allOf: twice } } }),
    deep(100),
  ],
  [
    'many alternatives for many values',
    x({ items: { anyOf: numbers(700).map((value) => ({ const: String(value) })) } }),
    numbers(9000).map(() => '699'),
  ],
  [
    'a long list of what is allowed for many values',
    x({ items: { enum: numbers(9000).map(String) } }),
    numbers(9000).map(() => '8999'),
  ],
  [
    'lengths of long texts, often',
    x({ allOf: numbers(700).map((minLength) => ({ minLength })) }),
    'x'.repeat(2_000_000),
  ],
  ['more parts than are compiled', x({ allOf: numbers(900).map(() => ({})) }), 1],
])('%s are left to the server', (_what, inputSchema, value) => {
  expect(problemsOf(inputSchema, { x: value })).toEqual([])
})

test('members that have to differ are compared in time that grows with their number', () => {
  const unique = x({ type: 'array', uniqueItems: true })
  const ids = (count: number): JsonObject[] => Array.from({ length: count }, (_, id) => ({ id, a: { b: 1 } }))
  expect(problemsOf(unique, { x: ids(20_000) })).toEqual([])
  expect(problemsOf(unique, { x: [...ids(100), { a: { b: 1 }, id: 7 }] })).toEqual([
    'arguments.x must NOT have duplicate items',
  ])
})

test('of many problems 20 are told, and of very many the first', () => {
  const texts = x({ type: 'array', items: { type: 'string' } })
  expect(problemsOf(texts, { x: numbers(30) })).toHaveLength(20)
  expect(problemsOf(texts, { x: numbers(100_000) })).toEqual(['arguments.x.0 must be string'])
})

test('a recursive schema is checked as deep as the value goes', () => {
  const node = {
    type: 'object',
    properties: { v: { type: 'string' }, kids: { type: 'array', items: { $ref: '#/$defs/n' } } },
  }
  const tree = x({ $ref: '#/$defs/n' }, { $defs: { n: node } })
  expect(problemsOf(tree, { x: { v: 'a', kids: [{ v: 'b', kids: [{ v: 1 }] }] } })).toEqual([
    'arguments.x.kids.0.kids.0.v must be string',
  ])
})
