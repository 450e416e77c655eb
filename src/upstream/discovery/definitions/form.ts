import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'

/** Something that is not as the form wants it. */
export interface Issue {
  /** Where, as in `inputSchema.properties.a`; empty for the value as a whole. */
  readonly place: string
  /** What was expected and what came. */
  readonly text: string
  /** What became of it. */
  readonly outcome?: string
  /** The value means the same without it. */
  readonly isHarmless?: boolean
}

/**
 * Converts a value to the form that clients accept (the same object if nothing changes), and reports issues. Undefined
 * if the value cannot be converted.
 */
export type Form = (value: unknown, place: string, issues: Issue[]) => unknown

const MAX_SHOWN = 40

/** A value for which `isIt` returns true. */
export function expected(what: string, isIt: (value: unknown) => boolean): Form {
  return (value, place, issues) => {
    if (isIt(value)) return value
    issues.push({ place, text: `expected ${what}, received ${received(value)}` })
    return undefined
  }
}

/** A string. */
export const text = expected('a string', (value) => typeof value === 'string')
/** A string that is not empty. */
export const filledText = expected('a non-empty string', (value) => typeof value === 'string' && value !== '')
/** A boolean. */
export const flag = expected('a boolean', (value) => typeof value === 'boolean')
/** JSON has no infinity, but `1e999` reads as one, and would be written as null. */
export const number = expected('a number', (value) => Number.isFinite(value))

/** One of these strings. */
export function choice(...values: readonly string[]): Form {
  const known: ReadonlySet<unknown> = new Set(values)
  return expected(values.map((value) => `"${value}"`).join(' or '), (value) => known.has(value))
}

/** An object with these members: one that is not required is left out where nothing can be made of it. */
export function object(
  optional: Readonly<Record<string, Form>> = {},
  required: Readonly<Record<string, Form>> = {},
): Form {
  const forms = new Map(Object.entries(optional))
  const needed = Object.entries(required)
  return (value, place, issues) => {
    const given = objectOf(value, place, issues)
    if (given === undefined) return undefined
    const kept = withMembers(given, forms, place, issues)
    for (const [name, form] of needed) {
      const member = form(kept[name], memberPlace(place, name), issues)
      if (member === undefined) return undefined
      if (member !== kept[name]) kept[name] = member
    }
    return sameOr(given, kept)
  }
}

/** The members that have a form are in it, or left out. Always a new object. */
export function withMembers(
  given: JsonObject,
  forms: ReadonlyMap<string, Form>,
  place: string,
  issues: Issue[],
): JsonObject {
  const kept: JsonObject = { ...given }
  for (const name of Object.keys(given)) {
    const form = forms.get(name)
    if (form === undefined) continue
    const member = unlessAbsent(form, given[name], memberPlace(place, name), issues)
    if (member === undefined) delete kept[name]
    else kept[name] = member
  }
  return kept
}

/** A list of values in one form. Nothing can be made of a list with one that is not. */
export function list(form: Form): Form {
  return (value, place, issues) => {
    const given = listOf(value, place, issues)
    if (given === undefined) return undefined
    const kept = given.map((each, index) => form(each, `${place}[${index}]`, issues))
    if (kept.includes(undefined)) return undefined
    return kept.every((each, index) => each === given[index]) ? given : kept
  }
}

/** An object; an empty list counts as an empty object, because some languages do not distinguish them. */
export function objectOf(value: unknown, place: string, issues: Issue[]): JsonObject | undefined {
  if (isJsonObject(value)) return value
  const isEmptyList = Array.isArray(value) && value.length === 0
  const problem = { place, text: `expected an object, received ${received(value)}` }
  issues.push(isEmptyList ? { ...problem, outcome: 'taken as {}', isHarmless: true } : problem)
  return isEmptyList ? {} : undefined
}

/** The same object where all members are the same. */
export function sameOr(given: JsonObject, kept: JsonObject): JsonObject {
  const names = Object.keys(kept)
  const isSame =
    names.length === Object.keys(given).length && names.every((name) => kept[name] === given[name])
  return isSame ? given : kept
}

/** The place of a member, in dotted notation. */
export function memberPlace(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`
}

/** Null is as good as absent. */
function unlessAbsent(form: Form, value: unknown, place: string, issues: Issue[]): unknown {
  const before = issues.length
  const kept = form(value, place, issues)
  if (kept !== undefined) return kept
  for (let index = before; index < issues.length; index += 1) {
    const issue = issues[index]
    if (issue === undefined || issue.outcome !== undefined) continue
    const outcome = issue.place === place ? 'left out' : `${place} is left out`
    issues[index] = { ...issue, outcome, ...(value === null && { isHarmless: true }) }
  }
  return undefined
}

function listOf(value: unknown, place: string, issues: Issue[]): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as readonly unknown[]
  const isEmptyObject = isJsonObject(value) && Object.keys(value).length === 0
  const problem = { place, text: `expected an array, received ${received(value)}` }
  issues.push(isEmptyObject ? { ...problem, outcome: 'taken as []', isHarmless: true } : problem)
  return isEmptyObject ? [] : undefined
}

function received(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  if (isJsonObject(value)) return 'an object'
  const shown = typeof value === 'string' ? value.slice(0, MAX_SHOWN) : value
  return typeof shown === 'number' ? String(shown) : JSON.stringify(shown)
}
