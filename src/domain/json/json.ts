import { hasEscapedName, type Reviver, revived, exactValue } from './escaped-names.ts'

/** A JSON object whose members are not known. */
export type JsonObject = { [key: string]: unknown }

/** Whether a JSON value is an object, not an array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of a JSON text; undefined if it is not one. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Has `JSON.parse` give the right names to members, in this thread, for this program and all that it uses. V8 keeps the names
 * that came behind the same members before, and takes a name that is written with an escape for one of them with a backslash
 * if its text begins like that (https://github.com/nodejs/node/issues/63785): whoever sends the one would change what others
 * send later. Where V8 does not, nothing changes. Idempotent.
 */
export function mendJsonParse(): void {
  if (!misreadsNames()) return
  const native = JSON.parse
  JSON.parse = (given: unknown, reviver?: Reviver) => {
    const text = String(given)
    if (!text.includes('\\') || !hasEscapedName(text)) return native(text, reviver) as unknown
    // Throws for what is not JSON, with the place that messages name.
    native(text)
    const value = exactValue(text)
    return typeof reviver === 'function' ? revived(value, reviver) : value
  }
}

function misreadsNames(): boolean {
  const earlier: unknown = JSON.parse(String.raw`{"tool-gateway":1,"\\":1}`)
  const read: unknown = JSON.parse(String.raw`{"tool-gateway":1,"\u0061":1}`)
  return isJsonObject(earlier) && isJsonObject(read) && Object.keys(earlier)[1] === Object.keys(read)[1]
}

/** JSON text with sorted keys: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(isSorted(value) ? value : sorted(value))
}

/** Whether `JSON.stringify` gives the canonical text of a value, as of most: they are small, or were sorted before. */
export function isSorted(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isSorted)
  if (!isJsonObject(value)) return true
  if (hasJsonForm(value)) return false
  const keys = Object.keys(value)
  return keys.every((key, index) => (keys[index - 1] ?? '') <= key && isSorted(value[key]))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isJsonObject(value)) return value
  if (hasJsonForm(value)) return sorted(value.toJSON())
  const keys = Object.keys(value).toSorted()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]))
}

function hasJsonForm(value: JsonObject): value is { toJSON: () => unknown } {
  return typeof value['toJSON'] === 'function'
}

/** More than any tool needs, and few enough for everything that walks a value recursively. */
export const MAX_JSON_DEPTH = 128

/** Whether a JSON value nests more than `limit` levels deep; looks no further than that. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return limit === 0 || Object.values(value).some((member) => isDeeperThan(member, limit - 1))
}
