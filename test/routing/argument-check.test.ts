import { expect, test } from '@jest/globals'
import { checkArguments } from '../../src/routing/argument-check.ts'
import type { JsonObject } from '../../src/domain/json.ts'

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
