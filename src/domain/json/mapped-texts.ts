import type { Slices } from '../concurrency/slices.ts'
import { GatewayError } from '../errors/errors.ts'
import { isJsonObject, type JsonObject } from './json.ts'

/** More than clients can take. */
const MAX_DEPTH = 1000
/** In characters, as which everything else that is looked at counts for a few. */
const SLICE = 32_768
const EACH = 8

/** What becomes of a text; of a long one in slices. */
export type TextChange = (text: string) => string | Slices<string>

/**
 * A JSON object with every text in it changed, names of members too; the same object if none changes.
 * @throws GatewayError `upstream_bad_response` for one that is nested too deeply to be looked at
 */
export function* withTexts(value: JsonObject, change: TextChange): Slices<JsonObject> {
  const changed = yield* new MappedTexts(change).of(value, 0)
  return isJsonObject(changed) ? changed : value
}

class MappedTexts {
  readonly #change: TextChange
  #done = 0

  constructor(change: TextChange) {
    this.#change = change
  }

  *of(value: unknown, depth: number): Slices<unknown> {
    if (typeof value === 'string') return yield* this.#text(value)
    if (this.#isSliceDone(EACH)) yield
    if (typeof value !== 'object' || value === null) return value
    if (depth > MAX_DEPTH)
      throw new GatewayError('upstream_bad_response', 'The response is nested too deeply')
    if (Array.isArray(value)) return yield* this.#list(value, depth + 1)
    return isJsonObject(value) ? yield* this.#object(value, depth + 1) : value
  }

  *#text(text: string): Slices<string> {
    if (this.#isSliceDone(EACH + text.length)) yield
    const changed = this.#change(text)
    return typeof changed === 'string' ? changed : yield* changed
  }

  *#list(list: readonly unknown[], depth: number): Slices<unknown> {
    let changed: unknown[] | undefined
    for (const [at, member] of list.entries()) {
      const after = yield* this.of(member, depth)
      if (after === member) continue
      changed ??= [...list]
      changed[at] = after
    }
    return changed ?? list
  }

  *#object(object: JsonObject, depth: number): Slices<unknown> {
    const entries: [string, unknown][] = []
    let isSame = true
    for (const name of Object.keys(object)) {
      const entry: [string, unknown] = [yield* this.#text(name), yield* this.of(object[name], depth)]
      isSame &&= entry[0] === name && entry[1] === object[name]
      entries.push(entry)
    }
    return isSame ? object : yield* this.#built(entries)
  }

  /** What `Object.fromEntries` makes of them. */
  *#built(entries: readonly [string, unknown][]): Slices<JsonObject> {
    const object: JsonObject = {}
    for (const [name, value] of entries) {
      if (this.#isSliceDone(EACH)) yield
      if (name === '__proto__')
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
      else object[name] = value
    }
    return object
  }

  #isSliceDone(amount: number): boolean {
    this.#done += amount
    if (this.#done < SLICE) return false
    this.#done = 0
    return true
  }
}
