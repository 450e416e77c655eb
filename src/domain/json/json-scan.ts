import { isUtf8 } from 'node:buffer'
import { GatewayError } from '../errors/errors.ts'
import { MAX_JSON_DEPTH } from './json.ts'

/** How much of what JSON text may have. */
export interface JsonLimits {
  /** Elements of one array, and members of one object. */
  readonly members: number
  /** Elements and members of all together. */
  readonly allMembers: number
}

/** Far more than arguments have; a text may be as long as the whole may be. */
export const REQUEST_LIMITS: JsonLimits = { members: 10_000, allMembers: 50_000 }

const MAX_NUMBER_LENGTH = 1000
const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const [OPENING_LIST, CLOSING_LIST] = [0x5b, 0x5d]
const [OPENING_OBJECT, CLOSING_OBJECT] = [0x7b, 0x7d]
const BLANK = 0x20

/**
 * Why JSON text would take too long to read, as the end of a sentence about it; undefined where it would not. One pass
 * over the bytes, before anything is made of them; whether it is JSON is for its parser to say.
 */
export function excessOf(bytes: Buffer, limits: JsonLimits): string | undefined {
  const scan = new Scan(limits)
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) at = endOfString(bytes, at, bytes.length)
    const excess = scan.take(byte)
    if (excess !== undefined) return excess
  }
  return undefined
}

/** What is wrong with the bytes of the body of a request before they are read, if anything. */
export function bytesProblem(bytes: Buffer): GatewayError | undefined {
  if (!isUtf8(bytes)) return new GatewayError('invalid_request', 'The body is not valid UTF-8')
  const excess = excessOf(bytes, REQUEST_LIMITS)
  return excess === undefined ? undefined : new GatewayError('invalid_request', `The body ${excess}`)
}

class Scan {
  readonly #limits: JsonLimits
  /** Commas of each list and object that is open. */
  readonly #open: number[] = []
  #all = 0
  /** Length of what is neither in a string nor between values. */
  #plain = 0

  constructor(limits: JsonLimits) {
    this.#limits = limits
  }

  take(byte: number): string | undefined {
    if (byte === COMMA) return this.#member()
    if (byte === OPENING_LIST || byte === OPENING_OBJECT) {
      this.#plain = 0
      return this.#open.push(0) > MAX_JSON_DEPTH ? `nests more than ${MAX_JSON_DEPTH} levels deep` : undefined
    }
    if (byte === CLOSING_LIST || byte === CLOSING_OBJECT) this.#open.pop()
    this.#plain = byte === QUOTE || byte <= BLANK ? 0 : this.#plain + 1
    if (this.#plain <= MAX_NUMBER_LENGTH) return undefined
    return `has a number of more than ${MAX_NUMBER_LENGTH} characters`
  }

  #member(): string | undefined {
    const { members, allMembers } = this.#limits
    this.#plain = 0
    this.#all += 1
    const last = this.#open.length - 1
    const commas = (this.#open[last] ?? 0) + 1
    if (last >= 0) this.#open[last] = commas
    if (commas >= members) return `has a list or an object with more than ${members} members`
    return this.#all >= allMembers
      ? `has more than ${allMembers} members in all its lists and objects`
      : undefined
  }
}

/** Where the quote is that ends the string whose quote is at `start`; `end` if there is none. */
export function endOfString(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === BACKSLASH) at += 1
    else if (byte === QUOTE) return at
  }
  return end
}
