import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { anyOf, problemLine, problemsOf } from '../../../src/domain/documents/problems.ts'

const linesOf = (schema: z.ZodType, value: unknown): string[] =>
  problemsOf(schema.safeParse(value).error ?? { issues: [] }).map(problemLine)

const linesWith = (schema: z.ZodType, value: unknown): string[] =>
  problemsOf(schema.safeParse(value).error ?? { issues: [] }, schema).map(problemLine)

test.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b'], 'a or b'],
  [['a', 'b', 'c'], 'a, b or c'],
])('%j is written as %j', (names, text) => {
  expect(anyOf(names)).toBe(text)
})

test('a valid value has no problems', () => {
  expect(linesOf(z.string(), 'x')).toEqual([])
})

test('a union is explained by the member that was meant, else by what its members expect', () => {
  const schema = z.object({ a: z.union([z.literal('*'), z.number(), z.strictObject({ b: z.int() })]) })
  expect(linesOf(schema, { a: { b: 'x', c: 1 } })).toEqual([
    'a.b: expected number, received string',
    'a: unknown field "c"',
  ])
  expect(linesOf(schema, { a: true })).toEqual(['a: expected "*", number or object'])
  expect(linesOf(schema, {})).toEqual(['a: missing, expected "*", number or object'])
})

test('a discriminator lists its kinds', () => {
  const schema = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('a') }),
    z.object({ kind: z.literal('b') }),
  ])
  expect(linesOf(schema, { kind: 'c' })).toEqual(['kind: expected a or b'])
})

test('paths show places in lists and hide names that cannot be fields', () => {
  const schema = z.record(z.string(), z.array(z.object({ x: z.number() })))
  expect(linesOf(schema, { list: [{ x: 1 }, { x: 'y' }], 'a=secret': 5 })).toEqual([
    'list[1].x: expected number, received string',
    '?: expected array, received number',
  ])
})

test('the type of an integer and of a record have their usual names', () => {
  expect(linesOf(z.object({ a: z.int(), b: z.record(z.string(), z.string()) }), { a: 1.5, b: 5 })).toEqual([
    'a: expected integer, received number',
    'b: expected object, received number',
  ])
})

test('what is missing is called missing', () => {
  expect(linesOf(z.object({ a: z.string() }), {})).toEqual(['a: missing, expected string'])
})

test('a custom message is not changed', () => {
  expect(
    linesOf(
      z.string().refine(() => false, 'must be other'),
      'x',
    ),
  ).toEqual(['must be other'])
})

test('of thousands of unknown fields, all are named, and the first hundred are compared with those that are known', () => {
  const rules = z.record(z.string(), z.strictObject({ description: z.string().optional() }))
  const misspelled = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`descriptio${index}`, '']))
  const lines = linesWith(
    rules,
    Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`tool${index}`, misspelled])),
  )
  expect(lines).toHaveLength(5000)
  expect(lines[99]).toBe('tool1: unknown field "descriptio49", did you mean "description"?')
  expect(lines[100]).toBe('tool2: unknown field "descriptio0"')
  expect(lines.filter((line) => line.includes('did you mean'))).toHaveLength(100)
})
