import { describe, expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { type ArgumentChanges, shapedSchema } from '../../../src/catalog/shaping/shaped-schema.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'

interface Changes {
  readonly names?: Record<string, string>
  readonly fixed?: JsonObject
  readonly defaults?: JsonObject
}

/** @param changes.names what callers say, by the server's own names */
function changesOf({ names = {}, fixed = {}, defaults = {} }: Changes): ArgumentChanges {
  return {
    names: new Map(Object.entries(names)),
    fixed: new Map(Object.entries(fixed)),
    defaults: new Map(Object.entries(defaults)),
  }
}

const shaped = (schema: JsonObject, changes: Changes): JsonObject => shapedSchema(schema, changesOf(changes))

const conditional = (
  condition: JsonObject,
  ...[consequent, alternative]: [unknown, unknown]
): JsonObject => ({
  if: condition,
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: consequent,
  else: alternative,
})

const SEARCH = {
  type: 'object',
  properties: {
    q: { type: 'string', description: 'what to look for' },
    limit: { type: 'integer', minimum: 1 },
    index: { type: 'string' },
    filter: { type: 'object', properties: { index: {}, q: {} }, required: ['index', 'q'] },
  },
  required: ['q', 'index', 'limit'],
  additionalProperties: false,
  'x-vendor': { properties: { q: 1 } },
}

describe('the schema that callers see', () => {
  test('does not have what is fixed, and names the rest as callers do, in the order of the server', () => {
    const seen = shaped(SEARCH, { fixed: { index: 'docs' }, names: { q: 'query' }, defaults: { limit: 10 } })
    expect(seen).toEqual({
      type: 'object',
      properties: {
        query: { type: 'string', description: 'what to look for' },
        limit: { type: 'integer', minimum: 1, default: 10 },
        filter: { type: 'object', properties: { index: {}, q: {} }, required: ['index', 'q'] },
      },
      required: ['query'],
      additionalProperties: false,
      'x-vendor': { properties: { q: 1 } },
    })
    expect(Object.keys(seen['properties'] as object)).toEqual(['query', 'limit', 'filter'])
  })

  test('can exchange names, and demands nothing where nothing is left to demand', () => {
    const schema = { type: 'object', properties: { a: { title: 'A' }, b: { title: 'B' } }, required: ['a'] }
    expect(shaped(schema, { names: { a: 'b', b: 'a' } })).toEqual({
      type: 'object',
      properties: { b: { title: 'A' }, a: { title: 'B' } },
      required: ['b'],
    })
    expect(shaped(schema, { fixed: { a: 1 } })).toEqual({
      type: 'object',
      properties: { b: { title: 'B' } },
    })
  })

  test('says what depends on an argument of its new name, and always what depends on one that is always sent', () => {
    const schema = {
      type: 'object',
      properties: { a: {}, b: {}, c: {} },
      dependentRequired: { a: ['b', 'c'] },
      dependentSchemas: { b: { required: ['c'] } },
    }
    expect(shaped(schema, { names: { a: 'x', c: 'z' } })).toEqual({
      type: 'object',
      properties: { x: {}, b: {}, z: {} },
      dependentRequired: { x: ['b', 'z'] },
      dependentSchemas: { b: { required: ['z'] } },
    })
    expect(shaped(schema, { fixed: { a: 1 }, defaults: { b: 2 } })).toEqual({
      type: 'object',
      properties: { b: { default: 2 }, c: {} },
      required: ['c'],
      allOf: [{ required: ['c'] }],
    })
  })

  test('follows references to arguments, and keeps what is referred to of those that are gone', () => {
    const schema = {
      type: 'object',
      properties: {
        'a/b': { type: 'object', properties: { id: { 'x-mcp-header': 'Id', type: 'string' } } },
        from: { type: 'string' },
        to: { $ref: '#/properties/from' },
        both: {
          type: 'array',
          items: [{ $ref: '#/properties/a~1b/properties/id' }, { $ref: '#/$defs/from' }],
        },
        data: { default: { $ref: '#/properties/from' } },
      },
      $defs: { from: {} },
    }
    expect(shaped(schema, { names: { from: 'source' }, fixed: { 'a/b': {} } })).toEqual({
      type: 'object',
      properties: {
        source: { type: 'string' },
        to: { $ref: '#/properties/source' },
        both: {
          type: 'array',
          items: [{ $ref: '#/$defs/a~1b/properties/id' }, { $ref: '#/$defs/from' }],
        },
        data: { default: { $ref: '#/properties/from' } },
      },
      $defs: { from: {}, 'a/b': { type: 'object', properties: { id: { type: 'string' } } } },
    })
    expect(shaped(schema, { fixed: { from: 'x' } })).toMatchObject({
      properties: { to: { $ref: '#/$defs/from_' } },
      $defs: { from: {}, from_: { type: 'string' } },
    })
  })

  test('keeps an annotation for headers with its argument', () => {
    const region = { type: 'string', 'x-mcp-header': 'Region' }
    expect(
      shaped({ type: 'object', properties: { region } }, { names: { region: 'place' } })['properties'],
    ).toEqual({ place: region })
  })

  test('takes names of the prototype for names', () => {
    const properties = JSON.parse('{"__proto__":{"type":"string"},"constructor":{},"a":true}') as JsonObject
    const seen = shaped(
      { type: 'object', properties, required: ['constructor', '__proto__'] },
      { names: { constructor: 'toString' }, defaults: { a: 1 } },
    )
    expect(JSON.stringify(seen)).toBe(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"toString":{},"a":{"default":1}},' +
        '"required":["toString","__proto__"]}',
    )
  })

  test('of one that is not as it should be is that one, as far as it is not', () => {
    const odd = { type: 'object', properties: [1], required: 'a', allOf: 5, dependentRequired: 1, if: true }
    expect(shaped(odd, { fixed: { a: 1 }, defaults: { b: 1 } })).toEqual({ ...odd, properties: {} })
  })
})

describe('whatever callers leave out or give', () => {
  const changes: Changes = { fixed: { a: 1 }, names: { b: 'a', c: 'third' }, defaults: { d: 4 } }
  const own = { a: {}, b: {}, c: {}, d: {} }
  const schemas: [string, JsonObject][] = [
    ['required', { required: ['a', 'b', 'd'] }],
    ['required in allOf', { allOf: [{ required: ['a', 'c'] }, { required: ['d'] }] }],
    ['one of several', { anyOf: [{ required: ['b', 'c'] }, { required: ['b', 'd'] }] }],
    ['exactly one of two', { oneOf: [{ required: ['a'] }, { required: ['b'] }] }],
    ['not together', { not: { required: ['a', 'b'] } }],
    ['dependent', { dependentRequired: { a: ['b'], b: ['a', 'd'], c: ['b'], d: ['c'] } }],
    ['dependent schemas', { dependentSchemas: { d: { required: ['c'] }, b: { not: { required: ['c'] } } } }],
    ['dependencies of draft 7', { dependencies: { a: { required: ['b'] }, c: ['b', 'a'] } }],
    ['if', conditional({ required: ['a', 'b'] }, { required: ['c'] }, { not: { required: ['c'] } })],
    ['no other arguments', { additionalProperties: false, properties: { a: {}, c: {}, d: {} } }],
  ]

  test.each(schemas)('what they see allows what the server does (%s)', (_what, rules) => {
    const ajv = new Ajv2020({ strict: false })
    const schema = { type: 'object', properties: own, ...rules }
    const seen = ajv.compile(shaped(schema, changes))
    const sent = ajv.compile(schema)
    for (let given = 0; given < 8; given += 1) {
      const has = (bit: number): boolean => (given & bit) !== 0
      const call = { ...(has(1) && { a: 0 }), ...(has(2) && { third: 0 }), ...(has(4) && { d: 0 }) }
      const arrives = { a: 1, d: 4, ...(has(1) && { b: 0 }), ...(has(2) && { c: 0 }) }
      expect({ call, isValid: seen(call) }).toEqual({ call, isValid: sent(arrives) })
    }
  })

  test('nothing is left of a choice that looks at what is always sent: the server makes it', () => {
    const byMode = (mode: string, more: string): JsonObject => ({
      properties: { mode: { const: mode } },
      required: [more],
    })
    const schema = {
      type: 'object',
      properties: { mode: {}, x: {}, y: {} },
      oneOf: [byMode('a', 'x'), byMode('b', 'y')],
      ...conditional({ allOf: [byMode('a', 'x')] }, { required: ['y'] }, true),
      allOf: [{ anyOf: [byMode('a', 'x')], required: ['x'] }],
    }
    const left = { properties: { x: {}, y: {} }, allOf: [{ required: ['x'] }] }
    expect(shaped(schema, { fixed: { mode: 'a' } })).toEqual({ type: 'object', ...left })
    expect(shaped(schema, { defaults: { mode: 'a' } })).toMatchObject({ allOf: [{ required: ['x'] }] })
    expect(shaped(schema, { defaults: { mode: 'a' } })).not.toHaveProperty('oneOf')
  })

  test('nothing is left of how many there are, nor of examples', () => {
    const schema = {
      type: 'object',
      properties: { a: {}, b: {} },
      minProperties: 2,
      maxProperties: 2,
      propertyNames: { enum: ['a', 'b'] },
      examples: [{ a: 1, b: 2 }],
      default: { a: 1, b: 2 },
    }
    expect(shaped(schema, { fixed: { a: 1 } })).toEqual({ type: 'object', properties: { b: {} } })
  })
})
