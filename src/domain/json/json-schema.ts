import { isJsonObject, type JsonObject } from './json.ts'

/** Keywords whose value is data, even if it looks like a schema. */
const DATA = new Set(['const', 'enum', 'default', 'examples'])
/** Keywords whose value has schemas as its members, under names that may look like keywords. */
const NAMED_SCHEMAS = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
])

/** A deep copy of a schema with each schema in it changed, the innermost first. */
export function mapSchemas(schema: unknown, change: (schema: JsonObject) => JsonObject): unknown {
  if (Array.isArray(schema)) return schema.map((member) => mapSchemas(member, change))
  if (!isJsonObject(schema)) return schema
  const members = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    if (DATA.has(keyword)) return [keyword, value]
    const isNamed = NAMED_SCHEMAS.has(keyword) && isJsonObject(value)
    return [keyword, isNamed ? mapMembers(value, change) : mapSchemas(value, change)]
  })
  return change(Object.fromEntries(members))
}

function mapMembers(schemas: JsonObject, change: (schema: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, mapSchemas(schema, change)]),
  )
}
