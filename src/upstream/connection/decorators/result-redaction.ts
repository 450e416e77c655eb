import type { JsonObject } from '../../../domain/json/json.ts'
import { inSlices } from '../../../domain/concurrency/slices.ts'
import { withTexts } from '../../../domain/json/mapped-texts.ts'
import { RawObject } from '../../../domain/json/raw-object.ts'
import { REDACTED, secretForms } from './redaction.ts'

/** A shorter secret may be any word, and results are for programs, too. */
const SHORTEST = 8

/**
 * Takes the secrets of a server out of its results, in the forms in which they would be of use. A result without any is
 * passed on as it came.
 */
export class ResultRedaction {
  readonly #forms: readonly string[]
  /** What a result has if it may have a secret: an escape could be a character of one. */
  readonly #marks: readonly Buffer[]
  readonly #onRedacted: (count: number) => void

  /** @param options.onRedacted is told of each result with secrets how many places had one */
  constructor(options: { secrets: readonly string[]; onRedacted: (count: number) => void }) {
    const forms = secretForms(options.secrets.filter(({ length }) => length >= SHORTEST))
    this.#forms = [...forms]
      .filter(({ length }) => length >= SHORTEST)
      .toSorted((a, b) => b.length - a.length)
    this.#marks = ['\\u', ...this.#forms].map((form) => Buffer.from(form))
    this.#onRedacted = options.onRedacted
  }

  /** @throws GatewayError `upstream_bad_response` for what is nested too deeply to be looked at */
  async clean<T extends RawObject | JsonObject>(result: T): Promise<T | JsonObject> {
    if (this.#forms.length === 0) return result
    if (result instanceof RawObject)
      return result.holdsAny(this.#marks) ? await this.#cleanObject(result.parse(), result) : result
    return await this.#cleanObject(result, result)
  }

  async #cleanObject<T extends RawObject | JsonObject>(value: JsonObject, given: T): Promise<T | JsonObject> {
    let count = 0
    const change = (text: string): string => {
      const parts = this.#parts(text)
      count += parts.length - 1
      return parts.length === 1 ? text : parts.join(REDACTED)
    }
    const clean = await inSlices(withTexts(value, change))
    if (count === 0) return given
    this.#onRedacted(count)
    return clean
  }

  /** What is left of a text between the secrets in it. */
  #parts(text: string): string[] {
    return this.#forms.reduce(
      (parts, form) =>
        parts.some((part) => part.includes(form)) ? parts.flatMap((part) => part.split(form)) : parts,
      [text],
    )
  }
}
