import { isJsonObject, type JsonObject } from './json/json.ts'

/**
 * What the sender of a request has presented: its token, and its headers, of which servers may get some. It shows
 * nothing of either when it is logged or made JSON of.
 */
export class Presented {
  readonly #token: string | undefined
  readonly #headers: Readonly<Record<string, string | string[] | undefined>>

  /** @param headers by their names in lower case */
  constructor(token: string | undefined, headers: Readonly<Record<string, string | string[] | undefined>>) {
    this.#token = token
    this.#headers = headers
  }

  /** The one that `revealed` made JSON of; undefined for anything else. */
  static from(json: unknown): Presented | undefined {
    if (!isJsonObject(json) || !isJsonObject(json['headers'])) return undefined
    const { token, headers } = json
    const texts = Object.entries(headers).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    )
    return new Presented(typeof token === 'string' ? token : undefined, Object.fromEntries(texts))
  }

  /** All of it, for another replica, to which it goes sealed. */
  revealed(): JsonObject {
    const names = Object.keys(this.#headers).filter((name) => name !== 'authorization' && name !== 'cookie')
    return { token: this.#token, headers: Object.fromEntries(names.map((name) => [name, this.header(name)])) }
  }

  /** The bearer token; undefined where the sender is known by something else. */
  get token(): string | undefined {
    return this.#token
  }

  /** The value of a header, as one text; undefined if it was not sent. */
  header(name: string): string | undefined {
    if (name === 'authorization') return this.#token && `Bearer ${this.#token}`
    const value = this.#headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
}
