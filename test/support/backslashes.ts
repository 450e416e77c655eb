/**
 * Whether a value holds a backslash. V8 13 keeps the names that members of objects had at one place, and takes an escaped name
 * there for one with a backslash, because it compares the escaped text (https://github.com/nodejs/node/issues/63785): what
 * `JSON.parse` says after that depends on what was parsed before, and is nothing to compare with.
 */
export function hasBackslash(value: unknown): boolean {
  return JSON.stringify(value).includes('\\\\')
}
