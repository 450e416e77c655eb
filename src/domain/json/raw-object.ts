import { isUtf8 } from 'node:buffer'
import { isJsonObject, type JsonObject } from './json.ts'
import { type MemberPlace, membersOf } from './json-reader.ts'
import { LIGHT_BYTES, mostWeight } from './json-weight.ts'
import { SparseText } from './sparse-text.ts'

const MAX_MEMBERS = 64
const OPENING_OBJECT = 0x7b
const OPENING = Buffer.from('{')
const CLOSING = Buffer.from('}')
const COMMA = Buffer.from(',')

interface Member {
  readonly name: string
  /** With its name: `"name":value`. */
  readonly text: SparseText
  /** Where its value begins in the text. */
  readonly valueAt: number
}

/** A JSON object whose members stay bytes until they are asked for; immutable. */
export class RawObject {
  readonly #members: readonly Member[]
  readonly #hasEscapedNames: boolean
  #whole: JsonObject | WeakRef<JsonObject> | undefined

  protected constructor(members: readonly Member[], hasEscapedNames: boolean) {
    this.#members = members
    this.#hasEscapedNames = hasEscapedNames
  }

  /** Bytes as JSON. */
  get size(): number {
    return this.#members.reduce((sum, { text }) => sum + text.size, Math.max(2, 1 + this.#members.length))
  }

  has(name: string): boolean {
    return this.#members.some((member) => member.name === name)
  }

  /** The value of a member; undefined if there is none. */
  get(name: string): unknown {
    const member = this.#members.find((each) => each.name === name)
    if (member === undefined) return undefined
    const { text, valueAt } = member
    return JSON.parse(text.slice(valueAt, text.around.length).joined().toString())
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
    // It has quotes, and what is not around has none.
    return this.#hasEscapedNames || this.#members.some(({ text }) => text.around.includes(quoted))
  }

  /** Whether any of these stands somewhere in the bytes of the whole. */
  holdsAny(wanted: readonly Buffer[]): boolean {
    return isAnyIn(this.chunks(), wanted)
  }

  /** The whole as a value; the same one as long as somebody has it. */
  parse(): JsonObject {
    const known = this.#whole instanceof WeakRef ? this.#whole.deref() : this.#whole
    if (known !== undefined) return known
    const parsed: unknown = JSON.parse(Buffer.concat(this.chunks()).toString())
    const value = isJsonObject(parsed) ? parsed : {}
    // A large one takes many times its bytes, and these may be all that is still needed.
    this.#whole = this.size > LIGHT_BYTES ? new WeakRef(value) : value
    return value
  }

  /** The bytes of the whole as JSON, in pieces. */
  chunks(): Buffer[] {
    const pieces: Buffer[] = [OPENING]
    for (const [index, { text }] of this.#members.entries()) {
      if (index > 0) pieces.push(COMMA)
      for (const piece of text.pieces()) pieces.push(piece)
    }
    pieces.push(CLOSING)
    return pieces
  }

  /** What `places` of `text` hold; undefined if it has more members than are kept apart, or one of them twice. */
  static of(
    text: SparseText,
    places: readonly MemberPlace[],
    hasEscapedNames: boolean,
  ): RawObject | undefined {
    if (places.length > MAX_MEMBERS) return undefined
    const members = places.map(({ nameStart, nameEnd, valueStart, valueEnd }): Member => {
      const name: unknown = JSON.parse(text.slice(nameStart, nameEnd).joined().toString())
      return {
        name: String(name),
        text: text.slice(nameStart, valueEnd),
        valueAt: valueStart - nameStart,
      }
    })
    const isUnique = new Set(members.map(({ name }) => name)).size === members.length
    return isUnique ? new RawObject(members, hasEscapedNames) : undefined
  }
}

function memberOf(name: string, value: unknown): Member {
  const quoted = `${JSON.stringify(name)}:`
  const text = SparseText.whole(Buffer.from(quoted + JSON.stringify(value)))
  return { name, text, valueAt: Buffer.byteLength(quoted) }
}

/** Whether one of them stands somewhere in the bytes that these pieces are together. */
function isAnyIn(pieces: readonly Buffer[], wanted: readonly Buffer[]): boolean {
  const overlap = Math.max(1, ...wanted.map(({ length }) => length)) - 1
  let before: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    const border = Buffer.concat([before, piece.subarray(0, overlap)])
    if (wanted.some((each) => piece.includes(each) || border.includes(each))) return true
    const end = piece.length >= overlap ? piece : border
    before = end.subarray(Math.max(0, end.length - overlap))
  }
  return false
}

/** Whether the result of a tool says that the tool failed. */
export function isToolError(result: RawObject | JsonObject): boolean {
  return (result instanceof RawObject ? result.get('isError') : result['isError']) === true
}

/** The answer to a request: its id, and its result as bytes. */
export interface RawAnswer {
  readonly id: unknown
  readonly result: RawObject
  /** Of the message, as `JsonWeight` adds it up. */
  readonly weight: number
}

/**
 * The answer that a JSON-RPC message holds, whose bytes are in chunks; undefined for everything that is not plainly a
 * result: an error, a request, what is not JSON at all, or what `isTooHeavy`.
 */
export function rawAnswerIn(chunks: readonly Buffer[]): RawAnswer | undefined {
  const text = SparseText.of(chunks)
  try {
    return readAnswer(text)
  } catch {
    return text.hasRuns ? rawAnswerInWhole(text.joined()) : undefined
  }
}

/** The same of bytes in which a run is not in a string, or which are not JSON. */
function rawAnswerInWhole(bytes: Buffer): RawAnswer | undefined {
  try {
    return readAnswer(SparseText.whole(bytes))
  } catch {
    return undefined
  }
}

function readAnswer(text: SparseText): RawAnswer | undefined {
  const bytes = text.around
  if (!isUtf8(bytes)) return undefined
  const { places, hasEscapedNames, weight } = membersOf(bytes)
  if (weight > mostWeight(text.size)) return undefined
  const outer = places.filter(({ level }) => level === 1)
  const at = outer.find(
    ({ nameStart, nameEnd }) => bytes.toString('latin1', nameStart, nameEnd) === '"result"',
  )
  const message = RawObject.of(text, outer, hasEscapedNames)
  if (at === undefined || bytes[at.valueStart] !== OPENING_OBJECT || message?.get('jsonrpc') !== '2.0')
    return undefined
  if (message.has('error') || message.has('method')) return undefined
  const inner = places.filter(
    ({ level, nameStart }) => level === 2 && nameStart > at.valueStart && nameStart < at.valueEnd,
  )
  const result = RawObject.of(text, inner, hasEscapedNames)
  return result === undefined ? undefined : { id: message.get('id'), result, weight }
}
