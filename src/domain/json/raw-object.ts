import { isUtf8 } from 'node:buffer'
import { isJsonObject, type JsonObject } from './json.ts'
import { type MemberPlace, membersOf } from './json-reader.ts'

const MAX_MEMBERS = 64
const OPENING_OBJECT = 0x7b
const OPENING = Buffer.from('{')
const CLOSING = Buffer.from('}')
const COMMA = Buffer.from(',')

interface Member {
  readonly name: string
  /** With its name: `"name":value`. */
  readonly text: Buffer
  readonly value: Buffer
}

/** A JSON object whose members stay bytes until they are asked for; immutable. */
export class RawObject {
  readonly #members: readonly Member[]
  readonly #hasEscapedNames: boolean
  #whole: JsonObject | undefined

  private constructor(members: readonly Member[], hasEscapedNames: boolean) {
    this.#members = members
    this.#hasEscapedNames = hasEscapedNames
  }

  /** Bytes as JSON. */
  get size(): number {
    return this.#members.reduce((sum, { text }) => sum + text.length, Math.max(2, 1 + this.#members.length))
  }

  has(name: string): boolean {
    return this.#members.some((member) => member.name === name)
  }

  /** The value of a member; undefined if there is none. */
  get(name: string): unknown {
    const member = this.#members.find((each) => each.name === name)
    return member === undefined ? undefined : JSON.parse(member.value.toString())
  }

  /** The object with `changes`; a member that is undefined there is left out. */
  with(changes: JsonObject): RawObject {
    const kept = this.#members.filter(({ name }) => !Object.hasOwn(changes, name))
    const added = Object.entries(changes).flatMap(([name, value]) =>
      value === undefined ? [] : [memberOf(name, value)],
    )
    return new RawObject([...kept, ...added], this.#hasEscapedNames)
  }

  /** Whether a member of that name may be anywhere within; never wrong when it says no. */
  mayMention(name: string): boolean {
    const quoted = `"${name}"`
    return this.#hasEscapedNames || this.#members.some(({ text }) => text.includes(quoted))
  }

  /** The whole as a value; the same one each time. */
  parse(): JsonObject {
    if (this.#whole !== undefined) return this.#whole
    const value: unknown = JSON.parse(Buffer.concat(this.chunks()).toString())
    this.#whole = isJsonObject(value) ? value : {}
    return this.#whole
  }

  /** The bytes of the whole as JSON, in pieces. */
  chunks(): Buffer[] {
    const pieces: Buffer[] = [OPENING]
    for (const [index, { text }] of this.#members.entries()) {
      if (index > 0) pieces.push(COMMA)
      pieces.push(text)
    }
    pieces.push(CLOSING)
    return pieces
  }

  /** What `places` of `bytes` hold; undefined if it has more members than are kept apart, or one of them twice. */
  static of(bytes: Buffer, places: readonly MemberPlace[], hasEscapedNames: boolean): RawObject | undefined {
    if (places.length > MAX_MEMBERS) return undefined
    const members = places.map(({ nameStart, nameEnd, valueStart, valueEnd }): Member => {
      const name: unknown = JSON.parse(bytes.toString('utf8', nameStart, nameEnd))
      return {
        name: String(name),
        text: bytes.subarray(nameStart, valueEnd),
        value: bytes.subarray(valueStart, valueEnd),
      }
    })
    const isUnique = new Set(members.map(({ name }) => name)).size === members.length
    return isUnique ? new RawObject(members, hasEscapedNames) : undefined
  }
}

function memberOf(name: string, value: unknown): Member {
  const bytes = Buffer.from(JSON.stringify(value))
  return { name, value: bytes, text: Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), bytes]) }
}

/** Whether the result of a tool says that the tool failed. */
export function isToolError(result: RawObject | JsonObject): boolean {
  return (result instanceof RawObject ? result.get('isError') : result['isError']) === true
}

/** The answer to a request: its id, and its result as bytes. */
export interface RawAnswer {
  readonly id: unknown
  readonly result: RawObject
}

/**
 * The answer that the bytes of a JSON-RPC message hold; undefined for everything that is not plainly a result: an
 * error, a request, or what is not JSON at all.
 */
export function rawAnswerIn(bytes: Buffer): RawAnswer | undefined {
  if (!isUtf8(bytes)) return undefined
  try {
    return readAnswer(bytes)
  } catch {
    return undefined
  }
}

function readAnswer(bytes: Buffer): RawAnswer | undefined {
  const { places, hasEscapedNames } = membersOf(bytes)
  const outer = places.filter(({ level }) => level === 1)
  const at = outer.find(
    ({ nameStart, nameEnd }) => bytes.toString('latin1', nameStart, nameEnd) === '"result"',
  )
  const message = RawObject.of(bytes, outer, hasEscapedNames)
  if (at === undefined || bytes[at.valueStart] !== OPENING_OBJECT || message?.get('jsonrpc') !== '2.0')
    return undefined
  if (message.has('error') || message.has('method')) return undefined
  const inner = places.filter(
    ({ level, nameStart }) => level === 2 && nameStart > at.valueStart && nameStart < at.valueEnd,
  )
  const result = RawObject.of(bytes, inner, hasEscapedNames)
  return result === undefined ? undefined : { id: message.get('id'), result }
}
