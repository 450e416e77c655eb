import { GatewayError } from '../../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import { RawObject } from '../../../domain/json/raw-object.ts'
import { REDACTED, secretForms } from './redaction.ts'

/** A shorter secret may be any word, and results are for programs, too. */
const SHORTEST = 8
/** More than clients can take; deeper down nothing could be looked at. */
const MAX_DEPTH = 1000

/**
 * Takes the secrets of a server out of its results, in the forms in which they would be of use. A result without any is
 * passed on as it came.
 */
export class ResultRedaction {
  readonly #forms: readonly string[]
  readonly #bytes: readonly Buffer[]
  readonly #onRedacted: (count: number) => void

  /** @param options.onRedacted is told of each result with secrets how many places had one */
  constructor(options: { secrets: readonly string[]; onRedacted: (count: number) => void }) {
    const forms = secretForms(options.secrets.filter(({ length }) => length >= SHORTEST))
    this.#forms = [...forms]
      .filter(({ length }) => length >= SHORTEST)
      .toSorted((a, b) => b.length - a.length)
    this.#bytes = this.#forms.map((form) => Buffer.from(form))
    this.#onRedacted = options.onRedacted
  }

  /** @throws GatewayError `upstream_bad_response` for what is nested too deeply to be looked at */
  clean<T extends RawObject | JsonObject>(result: T): T | JsonObject {
    if (this.#forms.length === 0) return result
    if (result instanceof RawObject)
      return this.#mayHold(result) ? this.#cleanObject(result.parse(), result) : result
    return this.#cleanObject(result, result)
  }

  /** Never wrong when it says no: an escape could be a character of a secret. */
  #mayHold(raw: RawObject): boolean {
    return raw
      .chunks()
      .some((chunk) => chunk.includes('\\u') || this.#bytes.some((form) => chunk.includes(form)))
  }

  #cleanObject<T extends RawObject | JsonObject>(value: JsonObject, given: T): T | JsonObject {
    const found = { count: 0 }
    const clean = this.#cleaned(value, found, 0)
    if (found.count === 0 || !isJsonObject(clean)) return given
    this.#onRedacted(found.count)
    return clean
  }

  #cleaned(value: unknown, found: { count: number }, depth: number): unknown {
    if (typeof value === 'string') return this.#text(value, found)
    if (typeof value !== 'object' || value === null) return value
    if (depth > MAX_DEPTH)
      throw new GatewayError('upstream_bad_response', 'The response is nested too deeply')
    if (Array.isArray(value)) {
      const members = value as readonly unknown[]
      const clean = members.map((member) => this.#cleaned(member, found, depth + 1))
      return clean.every((member, at) => member === members[at]) ? value : clean
    }
    const members = Object.entries(value)
    const clean = members.map(
      ([name, member]) => [this.#text(name, found), this.#cleaned(member, found, depth + 1)] as const,
    )
    const isSame = clean.every(([name, member], at) => name === members[at]?.[0] && member === members[at][1])
    return isSame ? value : Object.fromEntries(clean)
  }

  #text(text: string, found: { count: number }): string {
    let clean = text
    for (const form of this.#forms) {
      if (!clean.includes(form)) continue
      const parts = clean.split(form)
      found.count += parts.length - 1
      clean = parts.join(REDACTED)
    }
    return clean
  }
}
