import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import {
  choice,
  expected,
  flag,
  type Form,
  type Issue,
  list,
  memberPlace,
  number,
  objectOf,
  sameOr,
  text,
  withMembers,
} from './form.ts'

const TYPES: ReadonlySet<unknown> = new Set([
  'string',
  'number',
  'integer',
  'boolean',
  'object',
  'array',
  'null',
])
const NUMBERS = ['maximum', 'minimum', 'exclusiveMaximum', 'exclusiveMinimum', 'multipleOf']
const COUNTS = ['Length', 'Items', 'Properties', 'Contains'].flatMap((of) => [`max${of}`, `min${of}`])
const TEXTS = ['$schema', '$id', '$ref', '$comment', 'title', 'description', 'pattern', 'format']
const SCHEMAS = ['additionalProperties', 'additionalItems', 'unevaluatedProperties', 'unevaluatedItems']
const LISTS = ['prefixItems', 'allOf', 'anyOf']
const NAMED = ['properties', '$defs', 'definitions', 'dependentSchemas']
/** A schema of which a part is left out accepts more; below these keywords that would accept less. */
const EXACT = ['not', 'if', 'then', 'else', 'contains', 'propertyNames']

const type = expected(
  'a JSON Schema type',
  (value) =>
    TYPES.has(value) || (Array.isArray(value) && value.length > 0 && value.every((each) => TYPES.has(each))),
)
const values = expected('an array with a value', (value) => Array.isArray(value) && value.length > 0)
const anyList = expected('an array', Array.isArray)
const expression = expected('an ECMAScript regular expression', isExpression)
const nothing = expected('the keyword to be absent', () => false)

/** A schema in which a keyword is left out whose value no version of JSON Schema allows. */
export const laxSchema = schemaForm()

/**
 * The same, and with an issue for all that makes a compiler of schemas refuse a keyword's value, each for itself. What
 * is left is not what its author wrote.
 */
export const strictSchema = schemaForm(
  new Map([
    ['id', nothing],
    ['$async', nothing],
    ['pattern', expression],
    ['patternProperties', (value, place, issues) => withExpressions(value, place, issues)],
  ]),
  withoutVainNull,
)

/** @param own forms of keywords that differ from the usual */
function schemaForm(
  own: ReadonlyMap<string, Form> = new Map(),
  finish: (schema: JsonObject) => JsonObject = (schema) => schema,
): Form {
  const forms = new Map<string, Form>()
  const schema: Form = (value, place, issues) => {
    if (typeof value === 'boolean') return value
    const given = objectOf(value, place, issues)
    return given && sameOr(given, finish(withMembers(given, forms, place, issues)))
  }
  const either =
    (other: Form): Form =>
    (value, place, issues) =>
      (Array.isArray(value) && value.length > 0 ? other : schema)(value, place, issues)
  const add = (names: readonly string[], form: Form): void => {
    for (const name of names) forms.set(name, form)
  }
  add([...NUMBERS, ...COUNTS], number)
  add(TEXTS, text)
  add(['type'], type)
  add(['enum'], values)
  add(['examples'], anyList)
  add(['required'], list(text))
  add(['uniqueItems', 'nullable'], flag)
  add(SCHEMAS, schema)
  add(LISTS, list(schema))
  add(['items'], either(list(schema)))
  add([...NAMED, 'patternProperties'], namedSchemas(schema))
  add(['dependencies'], namedSchemas(either(list(text))))
  add(['dependentRequired'], named(list(text)))
  add(EXACT, exactly(schema))
  add(['oneOf'], exactly(list(schema)))
  for (const [name, form] of own) forms.set(name, form)
  return schema
}

/** Values in one form under any names. */
function named(form: Form): Form {
  return (value, place, issues) => {
    const given = objectOf(value, place, issues)
    if (given === undefined) return undefined
    const forms = new Map(Object.keys(given).map((name) => [name, form]))
    return sameOr(given, withMembers(given, forms, place, issues))
  }
}

/** Schemas under any names. One that is null says nothing of what has the name. */
function namedSchemas(schema: Form): Form {
  return named((value, place, issues) => {
    if (value !== null) return schema(value, place, issues)
    issues.push({
      place,
      text: 'expected a schema, received null',
      outcome: 'taken as {}',
      isHarmless: true,
    })
    return {}
  })
}

function withExpressions(value: unknown, place: string, issues: Issue[]): unknown {
  const kept = namedSchemas(strictSchema)(value, place, issues)
  if (!isJsonObject(kept)) return kept
  const wrong = Object.keys(kept).filter(
    (name) => expression(name, memberPlace(place, name), issues) === undefined,
  )
  return wrong.length > 0 ? undefined : kept
}

function exactly(form: Form): Form {
  return (value, place, issues) => {
    const before = issues.length
    const kept = form(value, place, issues)
    return isRefused(issues, before) ? undefined : kept
  }
}

/** Whether one of the issues since `start` changes what a value means. Then none of it is of use. */
export function isRefused(issues: Issue[], start: number): boolean {
  const found = issues.splice(start)
  const isFaulty = found.some(({ isHarmless = false }) => !isHarmless)
  issues.push(...(isFaulty ? found.map(({ place, text: what }) => ({ place, text: what })) : found))
  return isFaulty
}

/** OpenAPI's `nullable` has no meaning without a type, or with a type that includes null. */
function withoutVainNull(schema: JsonObject): JsonObject {
  const { nullable, ...rest } = schema
  const { type: types } = rest
  if (nullable === undefined) return schema
  const isNull = types === 'null' || (Array.isArray(types) && types.includes('null'))
  return types === undefined || isNull ? rest : schema
}

function isExpression(value: unknown): boolean {
  try {
    return typeof value === 'string' && new RegExp(value, 'u') instanceof RegExp
  } catch {
    return false
  }
}

/** A schema of an object at its root, whether it says so or not; undefined where it says otherwise. */
export function ofObject(schema: JsonObject, place: string, issues: Issue[]): JsonObject | undefined {
  const { type: kind } = schema
  if (kind === 'object') return schema
  const at = memberPlace(place, 'type')
  const isMissing = kind === undefined || kind === null
  const before = issues.length
  choice('object')(kind, at, issues)
  if (!isMissing && !(Array.isArray(kind) && kind.includes('object'))) return undefined
  const [issue] = issues.splice(before)
  if (issue !== undefined) issues.push({ ...issue, outcome: 'taken as "object"', isHarmless: true })
  return { ...schema, type: 'object' }
}
