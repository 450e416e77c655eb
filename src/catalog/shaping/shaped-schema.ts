import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { withReferences } from './schema-references.ts'

/** The changes of a tool's arguments, by the server's own names. */
export interface ArgumentChanges {
  /** The names for callers, where they differ. */
  readonly names: ReadonlyMap<string, string>
  /** Values that are sent in place of the caller's. */
  readonly fixed: ReadonlyMap<string, unknown>
  /** Values that are sent if the caller gives none. */
  readonly defaults: ReadonlyMap<string, unknown>
}

/** Keywords that would no longer fit the remaining arguments, and that callers do not need. */
const DROPPED = new Set(['default', 'examples', 'minProperties', 'maxProperties', 'propertyNames'])
/** Keywords that examine one argument to decide on the rules for others. */
const CHOICES = new Set(['anyOf', 'oneOf', 'not', 'if'])
const DEPENDENCIES = ['dependentRequired', 'dependentSchemas', 'dependencies']

/**
 * The schema of a tool's arguments for callers. Fixed arguments are removed, arguments with a default are not required,
 * and rules that depend on the values of either are left to the server. Rules for nested values stay.
 */
export function shapedSchema(schema: JsonObject, changes: ArgumentChanges): JsonObject {
  const { names, fixed } = changes
  const referring = withReferences(schema, { names, gone: new Set(fixed.keys()) })
  const shaped = asObject(shapedHere(referring, changes))
  return changes.defaults.size === 0 ? shaped : { ...shaped, properties: withDefaults(shaped, changes) }
}

/** Rewrites a schema that applies to the arguments as a whole. */
function shapedHere(schema: unknown, changes: ArgumentChanges): unknown {
  if (!isJsonObject(schema)) return schema
  const whole = withImplied(schema, changes)
  const dropsIf = turnsOnSent(whole['if'], changes)
  const members = Object.entries(whole)
    .filter(([keyword]) => !DROPPED.has(keyword))
    .filter(([keyword]) => !dropsIf || (keyword !== 'then' && keyword !== 'else'))
    .filter(([keyword, value]) => !CHOICES.has(keyword) || !turnsOnSent(value, changes))
    .map(([keyword, value]): [string, unknown] => [keyword, KEYWORDS.get(keyword)?.(value, changes) ?? value])
  return Object.fromEntries(members.filter(([keyword, value]) => !isIdle(keyword, value)))
}

type Reshape = (value: unknown, changes: ArgumentChanges) => unknown

const KEYWORDS: ReadonlyMap<string, Reshape> = new Map<string, Reshape>([
  ['properties', shapedProperties],
  ['required', shapedNames],
  ['dependentRequired', shapedDependencies],
  ['dependentSchemas', shapedDependencies],
  ['dependencies', shapedDependencies],
  ['allOf', shapedEach],
  ['anyOf', shapedEach],
  ['oneOf', shapedEach],
  ['not', shapedHere],
  ['if', shapedHere],
  ['then', shapedHere],
  ['else', shapedHere],
])

function shapedEach(value: unknown, changes: ArgumentChanges): unknown {
  return Array.isArray(value) ? value.map((each: unknown) => shapedHere(each, changes)) : value
}

function shapedProperties(value: unknown, { names, fixed }: ArgumentChanges): unknown {
  if (!isJsonObject(value)) return value
  const seen = Object.entries(value).filter(([own]) => !fixed.has(own))
  return Object.fromEntries(seen.map(([own, property]) => [names.get(own) ?? own, property]))
}

/** The arguments of a list that callers must give. */
function shapedNames(value: unknown, changes: ArgumentChanges): unknown {
  if (!Array.isArray(value)) return value
  const left = value.filter((own) => typeof own === 'string' && !isAlwaysSent(own, changes))
  return [...new Set(left.map((own: string) => changes.names.get(own) ?? own))]
}

function shapedDependencies(value: unknown, changes: ArgumentChanges): unknown {
  if (!isJsonObject(value)) return value
  const open = Object.entries(value).filter(([own]) => !isAlwaysSent(own, changes))
  return Object.fromEntries(
    open.map(([own, dependent]) => [
      changes.names.get(own) ?? own,
      Array.isArray(dependent) ? shapedNames(dependent, changes) : shapedHere(dependent, changes),
    ]),
  )
}

/** Makes rules that depend on arguments that are always sent unconditional. */
function withImplied(schema: JsonObject, changes: ArgumentChanges): JsonObject {
  const implied = DEPENDENCIES.flatMap((keyword) => Object.entries(asObject(schema[keyword])))
    .filter(([own]) => isAlwaysSent(own, changes))
    .map(([, dependent]) => dependent)
  if (implied.length === 0) return schema
  const required = implied.flatMap(asList)
  const schemas = implied.filter((dependent) => !Array.isArray(dependent))
  return {
    ...schema,
    ...(required.length > 0 && { required: [...asList(schema['required']), ...required] }),
    ...(schemas.length > 0 && { allOf: [...asList(schema['allOf']), ...schemas] }),
  }
}

/**
 * Whether a schema examines the value of an argument that callers may omit: without the value its meaning would change.
 */
function turnsOnSent(schema: unknown, changes: ArgumentChanges): boolean {
  if (Array.isArray(schema)) return schema.some((each) => turnsOnSent(each, changes))
  if (!isJsonObject(schema)) return false
  if (Object.keys(asObject(schema['properties'])).some((own) => isAlwaysSent(own, changes))) return true
  return ['allOf', 'then', 'else', ...CHOICES].some((keyword) => turnsOnSent(schema[keyword], changes))
}

function withDefaults({ properties }: JsonObject, { names, defaults }: ArgumentChanges): JsonObject {
  const shown = new Map([...defaults].map(([own, value]) => [names.get(own) ?? own, value]))
  const members = Object.entries(asObject(properties)).map(([name, property]): [string, unknown] =>
    shown.has(name) && property !== false
      ? [name, { ...asObject(property), default: shown.get(name) }]
      : [name, property],
  )
  return Object.fromEntries(members)
}

function isAlwaysSent(own: string, { fixed, defaults }: ArgumentChanges): boolean {
  return fixed.has(own) || defaults.has(own)
}

/** Whether a keyword has no effect any more. */
function isIdle(keyword: string, value: unknown): boolean {
  if (keyword === 'required') return Array.isArray(value) && value.length === 0
  return DEPENDENCIES.includes(keyword) && isJsonObject(value) && Object.keys(value).length === 0
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
