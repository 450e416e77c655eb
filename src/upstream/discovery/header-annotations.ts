import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

const ANNOTATION = 'x-mcp-header'
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean'])

/** Keywords whose value is one schema or a list of them. */
const SCHEMAS = [
  'items',
  'prefixItems',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
] as const
/** Keywords whose value has schemas as its members. */
const NAMED_SCHEMAS = ['patternProperties', 'dependentSchemas', '$defs', 'definitions'] as const

/** An annotation that makes the definition of its tool invalid. */
interface InvalidAnnotation {
  /** Where it is, in the server's words. */
  readonly at: string
  readonly why: string
}

interface Place {
  readonly schema: unknown
  readonly path: readonly string[]
  /** An argument is there whenever its parents are: nothing but `properties` leads to it. */
  readonly isProperty: boolean
}

/**
 * The first `x-mcp-header` of an input schema that breaks a rule (MCP 2026-07-28, Streamable HTTP, custom headers from
 * tool parameters); undefined where none does.
 */
export function invalidAnnotation(inputSchema: unknown): InvalidAnnotation | undefined {
  const names = new Set<string>()
  const places: Place[] = [{ schema: inputSchema, path: [], isProperty: true }]
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { schema } = place
    if (!isJsonObject(schema)) continue
    const why = Object.hasOwn(schema, ANNOTATION) ? faultOf(schema, place, names) : undefined
    if (why !== undefined) return { at: place.path.join('.') || 'the root', why }
    places.push(...below(schema, place).toReversed())
  }
  return undefined
}

function faultOf(schema: JsonObject, { path, isProperty }: Place, names: Set<string>): string | undefined {
  const name = schema[ANNOTATION]
  if (!isProperty || path.length === 0)
    return 'is not on a property that is reachable through "properties" alone'
  if (typeof name !== 'string' || !TOKEN.test(name)) return 'is not a valid header name'
  if (!TYPES.has(schema['type'])) return 'is not on a string, an integer or a boolean'
  const folded = name.toLowerCase()
  if (names.has(folded)) return 'is already used by another annotation'
  names.add(folded)
  return undefined
}

function below(schema: JsonObject, { path, isProperty }: Place): Place[] {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  return [
    ...Object.entries(properties).map(([key, property]) => ({
      schema: property,
      path: [...path, key],
      isProperty,
    })),
    ...SCHEMAS.flatMap((keyword) => placesOf(schema[keyword], [...path, keyword])),
    ...NAMED_SCHEMAS.flatMap((keyword) => {
      const named = schema[keyword]
      return isJsonObject(named) ? placesOf(Object.values(named), [...path, keyword]) : []
    }),
  ]
}

function placesOf(value: unknown, path: readonly string[]): Place[] {
  const schemas: readonly unknown[] = Array.isArray(value) ? value : [value]
  return schemas.map((schema) => ({ schema, path, isProperty: false }))
}
