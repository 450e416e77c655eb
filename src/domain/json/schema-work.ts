import { canonicalJson, isJsonObject, type JsonObject } from './json.ts'
import { mapSchemas } from './json-schema.ts'

/** A keyword that every schema gets before it is compiled, with what it costs to apply the schema once. */
export const WORK_KEYWORD = 'x-gateway-work'

/** A schema with more parts takes too long to compile. */
const MAX_SCHEMAS = 800
/** What lists of thousands of objects need; takes less than a tenth of a second. */
const MAX_WORK = 300_000
/** Characters of a text that are counted as one. */
const CHARACTERS = 32

/** Keywords whose values could be referred to as schemas that were not counted. */
const DATA: ReadonlySet<string> = new Set(['default', 'examples', 'const', 'enum'])

/** A check of a value did more than a value of that size should need. */
class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork'
}

/**
 * A copy of a schema whose every part tells what it costs, without the keywords that `isLeftOut` names; undefined for a
 * schema that is too large, or refers to where no schemas are.
 */
export function countedSchema(
  schema: JsonObject,
  isLeftOut: (keyword: string) => boolean,
  maxSchemas = MAX_SCHEMAS,
): JsonObject | undefined {
  let schemas = 0
  let isOdd = false
  const counted = mapSchemas(schema, (each) => {
    schemas += 1
    isOdd ||= refersToData(each['$ref']) || refersToData(each['$dynamicRef'])
    const kept = Object.entries(each).filter(([keyword]) => !isLeftOut(keyword) && keyword !== WORK_KEYWORD)
    const copy = Object.fromEntries(kept)
    // Nothing but a reference stands for what it refers to, which is counted.
    if (kept.length === 1 && '$ref' in copy) return copy
    return { ...copy, [WORK_KEYWORD]: kept.reduce((sum, [, value]) => sum + sizeOf(value, 2), 1) }
  })
  return isOdd || schemas > maxSchemas || !isJsonObject(counted) ? undefined : counted
}

/** What checks of values by counted schemas do, one after the other: none may do more than it should. */
export class SchemaWork {
  #left = 0

  /** @throws TooMuchWork, and what the check throws */
  within<T>(check: () => T, units = MAX_WORK): T {
    this.#left = units
    return check()
  }

  /** Counts that a schema is applied to a value. @throws TooMuchWork */
  readonly apply = (cost: number, value: unknown): boolean => {
    this.#spend(cost + breadthOf(value))
    return true
  }

  /** Whether all members of a list differ, in time that grows with their size. @throws TooMuchWork */
  readonly areUnique = (isAsked: boolean, list: readonly unknown[]): boolean => {
    if (!isAsked) return true
    const seen = new Set<string>()
    for (const member of list) {
      const text = canonicalJson(member)
      this.#spend(1 + text.length / CHARACTERS)
      seen.add(text)
    }
    return seen.size === list.length
  }

  #spend(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw new TooMuchWork()
  }
}

function breadthOf(value: unknown): number {
  if (typeof value === 'string') return value.length / CHARACTERS
  if (Array.isArray(value)) return value.length
  return isJsonObject(value) ? Object.keys(value).length : 0
}

/**
 * How many parts a keyword's value has, some levels deep: what is compared, looked up or gone through for each value.
 */
function sizeOf(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  const members: unknown[] = Object.values(value)
  const below = depth === 0 ? 0 : members.reduce<number>((sum, member) => sum + sizeOf(member, depth - 1), 0)
  return members.length + (Array.isArray(value) ? below : 0)
}

function refersToData(reference: unknown): boolean {
  if (typeof reference !== 'string') return false
  try {
    return decodeURIComponent(reference)
      .split('/')
      .some((part) => DATA.has(part))
  } catch {
    return true
  }
}
