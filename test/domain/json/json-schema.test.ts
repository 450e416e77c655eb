import { expect, test } from '@jest/globals'
import { mapSchemas } from '../../../src/domain/json/json-schema.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'

const marked = (schema: JsonObject): JsonObject => ({ ...schema, seen: true })

test('every schema in a schema is changed, and nothing else', () => {
  const schema = {
    properties: { enum: { type: 'string' }, b: { items: [{}, true] } },
    $defs: { const: {} },
    anyOf: [{ not: {} }],
    dependencies: { a: ['b'], b: {} },
    required: ['a'],
    const: { type: 'object' },
    enum: [{}],
    default: {},
    examples: [{}],
  }
  expect(mapSchemas(schema, marked)).toEqual({
    properties: {
      enum: { type: 'string', seen: true },
      b: { items: [{ seen: true }, true], seen: true },
    },
    $defs: { const: { seen: true } },
    anyOf: [{ not: { seen: true }, seen: true }],
    dependencies: { a: ['b'], b: { seen: true } },
    required: ['a'],
    const: { type: 'object' },
    enum: [{}],
    default: {},
    examples: [{}],
    seen: true,
  })
})

test('the schema that was given stays as it was', () => {
  const schema = { properties: { a: {} } }
  mapSchemas(schema, marked)
  expect(schema).toEqual({ properties: { a: {} } })
})
