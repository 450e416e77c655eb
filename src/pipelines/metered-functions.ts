import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { type Fuel, PART } from './fuel.ts'
import { payForAll, textOrder } from './metered-values.ts'

/** A function of the language: its arguments have the types of its signature. @throws Error */
export type MeteredFunction = (args: readonly unknown[], means: Means) => unknown

interface Means {
  readonly fuel: Fuel
  /** The value of an expression, which is an argument, at a value. */
  readonly visit: (expression: unknown, value: unknown) => unknown
}

/**
 * The functions that can make more of their arguments than they are, and those that take more than time in proportion
 * to them, or fail for long ones, in the library. What they make is paid for before it is made.
 */
export const METERED_FUNCTIONS: Readonly<Record<string, MeteredFunction>> = {
  group_by: groupBy,
  join,
  length: ([value]) => lengthOf(value),
  max: ([list], { fuel }) => extreme(list, 1, fuel),
  min: ([list], { fuel }) => extreme(list, -1, fuel),
  reverse: ([value]) =>
    typeof value === 'string' ? Array.from(value).toReversed().join('') : listOf(value).toReversed(),
  sort: ([list], { fuel }) => listOf(list).toSorted((a, b) => order(a, b, fuel)),
  sort_by: sortBy,
  split,
  to_string: toText,
  zip,
}

function join([separator, list]: readonly unknown[], { fuel }: Means): string {
  const texts = listOf(list).map(String)
  fuel.burn(texts.reduce((sum, text) => sum + text.length, 0))
  fuel.burn(String(separator).length * texts.length)
  return texts.join(String(separator))
}

function split([text, separator, count]: readonly unknown[], { fuel }: Means): string[] {
  const [subject, search] = [String(text), String(separator)]
  if (subject === '' && search === '') return []
  const limit = fuel.roomFor(PART) + 1
  const parts = subject.split(search, limit)
  fuel.burn(parts.length * PART)
  if (count === undefined || count === null) return parts
  if (typeof count !== 'number' || count < 0 || !Number.isInteger(count))
    throw new Error('split: expected a whole number of 0 or more')
  return count === 0 ? [subject] : [...parts.slice(0, count), parts.slice(count).join(search)]
}

function toText([value]: readonly unknown[], { fuel }: Means): string {
  if (typeof value === 'string') return value
  payForAll(value, fuel)
  const text = JSON.stringify(value)
  fuel.burn(text.length)
  return text
}

function zip(lists: readonly unknown[], { fuel }: Means): unknown[][] {
  const all = lists.map(listOf)
  const length = Math.min(...all.map((list) => list.length))
  fuel.burn(length * (all.length + 1) * PART)
  return Array.from({ length }, (_, index) => all.map((list) => list[index]))
}

function lengthOf(value: unknown): number {
  if (isJsonObject(value)) return Object.keys(value).length
  if (typeof value !== 'string') return listOf(value).length
  let length = value.length
  // A pair of surrogates is one.
  for (let at = 0; at < value.length; at += 1) if ((value.codePointAt(at) ?? 0) > 0xffff) length -= 1
  return length
}

function extreme(list: unknown, sign: 1 | -1, fuel: Fuel): unknown {
  const [first = null, ...rest] = listOf(list)
  let found = first
  for (const each of rest) if (order(each, found, fuel) * sign > 0) found = each
  return found
}

/** Each key is looked for once, and not with each comparison. */
function sortBy([list, expression]: readonly unknown[], { fuel, visit }: Means): unknown[] {
  const keyed = listOf(list).map((value) => ({ value, key: visit(expression, value) }))
  const type = typeof keyed[0]?.key
  const odd = keyed.find(({ key }) => typeof key !== type || (type !== 'string' && type !== 'number'))
  if (odd !== undefined)
    throw new Error('Invalid type: sort_by() expected keys that are all numbers or all strings')
  return keyed.toSorted((a, b) => order(a.key, b.key, fuel)).map(({ value }) => value)
}

function groupBy([list, expression]: readonly unknown[], { fuel, visit }: Means): JsonObject {
  const groups = new Map<string, unknown[]>()
  for (const value of listOf(list)) {
    fuel.burn(PART)
    const key = visit(expression, value)
    if (typeof key !== 'string') throw new Error('Invalid type: group_by() expected keys that are strings')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return Object.fromEntries(groups)
}

function order(first: unknown, second: unknown, fuel: Fuel): number {
  if (typeof first === 'string') return textOrder(first, String(second), fuel)
  fuel.burn(PART)
  return Number(first) - Number(second)
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (isJsonObject(value)) return Object.values(value)
  return []
}
