import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import { choice, type Form, type Issue, memberPlace, objectOf, sameOr } from './form.ts'
import { isRefused, laxSchema, ofObject, strictSchema } from './schema-form.ts'

const DIALECTS = ['draft/2020-12', 'draft/2019-09', 'draft-07', 'draft-06'].flatMap((draft) =>
  ['https', 'http'].flatMap((scheme) => [
    `${scheme}://json-schema.org/${draft}/schema`,
    `${scheme}://json-schema.org/${draft}/schema#`,
  ]),
)
const dialect = choice(...DIALECTS)
/** Names of schemas are those of all tools to a client, and what they lead to depends on who reads them. */
const NAMES: ReadonlySet<string> = new Set([
  '$id',
  '$anchor',
  '$dynamicAnchor',
  '$dynamicRef',
  '$recursiveRef',
  '$recursiveAnchor',
  '$async',
])

/** A JSON Schema of arguments. */
export const argumentsSchema: Form = (value, place, issues) => {
  const given = objectOf(value, place, issues)
  const schema = given && ofObject(given, place, issues)
  const kept = schema && laxSchema(schema, place, issues)
  return isJsonObject(kept) && isJsonObject(value) ? sameOr(value, kept) : kept
}

/**
 * A JSON Schema of results, which clients compile, some of them as soon as they have the list. Nothing is made of one
 * that a client could not compile.
 */
export const resultSchema: Form = (value, place, issues) => {
  const before = issues.length
  const kept = strictSchema(value, place, issues)
  if (!isJsonObject(kept)) {
    if (typeof kept === 'boolean') objectOf(kept, place, issues)
    return undefined
  }
  if (isRefused(issues, before)) return undefined
  // To a client two schemas of one name are one schema, also where they are of two servers.
  const { $id: _name, ...schema } = kept
  checkWhole(schema, place, issues)
  if (isRefused(issues, before)) return undefined
  return sameOr(kept, schema)
}

/** Finds what is wrong with a schema that is valid keyword by keyword. */
function checkWhole(root: JsonObject, place: string, issues: Issue[]): void {
  const { $schema = DIALECTS[0] } = root
  const before = issues.length
  dialect($schema, memberPlace(place, '$schema'), issues)
  const mayHaveTuples = !String($schema).includes('2020-12')
  const checked = new Set<unknown>()
  for (const member of membersIn(root, place)) {
    const text = faultOf(member, mayHaveTuples)
    if (text !== undefined) issues.push({ place: member.at, text })
    if (member.name === '$ref' && typeof member.value === 'string')
      checkTarget(targetOf(root, member.value), member.at, checked, issues)
    if (isRefused(issues, before)) return
  }
}

function faultOf(member: Member, mayHaveTuples: boolean): string | undefined {
  if (isName(member)) return NO_NAMES
  return isTuple(member) && !mayHaveTuples ? NO_TUPLES : undefined
}

/** The target of a reference is compiled as a schema, even if its place is not one for schemas. */
function checkTarget(target: unknown, place: string, checked: Set<unknown>, issues: Issue[]): void {
  if (!isJsonObject(target) && typeof target !== 'boolean') issues.push({ place, text: NO_TARGET })
  else if (!checked.has(target)) strictSchema(target, place, issues)
  checked.add(target)
}

const NO_NAMES = 'expected a schema that has no names for references'
const NO_TUPLES = 'expected a schema, received an array, which 2020-12 calls prefixItems'
const NO_TARGET = 'expected a reference to a part of the schema itself'

interface Member {
  readonly name: string
  readonly value: unknown
  readonly at: string
  readonly isProperty: boolean
}

/** The members of all objects, at any depth and in every role, because compilers look for names everywhere. */
function* membersIn(value: unknown, place: string, isProperties = false): Generator<Member> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    const at = Array.isArray(value) ? `${place}[${name}]` : memberPlace(place, name)
    if (!Array.isArray(value)) yield { name, value: member, at, isProperty: isProperties }
    yield* membersIn(member, at, name === 'properties' && !isProperties)
  }
}

function isName({ name, value, isProperty }: Member): boolean {
  return NAMES.has(name) && !(isProperty && isJsonObject(value)) && value !== false
}

function isTuple({ name, value, isProperty }: Member): boolean {
  return name === 'items' && Array.isArray(value) && value.length > 0 && !isProperty
}

/** What a reference within a schema leads to; undefined for any other. */
function targetOf(root: JsonObject, reference: string): unknown {
  if (reference === '#') return root
  if (!reference.startsWith('#/')) return undefined
  let current: unknown = root
  try {
    for (const token of decodeURIComponent(reference.slice(2)).split('/')) {
      const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
      if (typeof current !== 'object' || current === null || !Object.hasOwn(current, name)) return undefined
      current = Reflect.get(current, name)
    }
  } catch {
    return undefined
  }
  return current
}
