/* oxlint-disable complexity -- two loops whose parts would cost several times as much as functions */
import { ControlBytes } from './control-bytes.ts'
import { MAX_JSON_DEPTH } from './json.ts'
import { CONTAINER_WEIGHT } from './json-weight.ts'

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPENING_LIST, CLOSING_LIST, OPENING_OBJECT, CLOSING_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const [NEWLINE, CARRIAGE_RETURN, TAB, BLANK] = [0x0a, 0x0d, 0x09, 0x20]
/** So many bytes of a string are read one by one; the rest of a longer one is searched natively. */
const NEAR = 24
const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d{0,999})(?:\.\d{1,999})?(?:[eE][+-]?\d{1,999})?)$/
const LONGEST_SCALAR = 1100
const ESCAPABLE = new Set(Buffer.from('"\\/bfnrt'))
const CODE = /^u[0-9a-fA-F]{4}$/
/** The members of the text itself, and the members of those. */
const TOLD_LEVELS = 2

/** A member of an object by where it stands in the bytes: its name with the quotes, and its value. */
export interface MemberPlace {
  /** 1 for members of the text itself, 2 for members of those. */
  readonly level: number
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

/** The first two levels of a JSON text that is an object. */
export interface Members {
  /** In the order of their ends: the members of a member precede it. */
  readonly places: readonly MemberPlace[]
  /** Whether a name was written with an escape, so that a search for it in the bytes could miss it. */
  readonly hasEscapedNames: boolean
  /** As `JsonWeight` adds it up. */
  readonly weight: number
}

/**
 * Reads a JSON object without making values of it, in one pass over its bytes, which must be UTF-8. It is as strict as
 * `JSON.parse`. It is one function with local variables, because calls and fields would make it several times slower.
 * @throws SyntaxError if it is not a JSON object, or nests too deeply
 */
export function membersOf(bytes: Buffer): Members {
  const strings = new StringReader(bytes)
  const places: MemberPlace[] = []
  /** Of each open container, whether it is an object; and of those that are told, the member that is being read. */
  const isObject = new Uint8Array(MAX_JSON_DEPTH + 1)
  const open = [0, 0, 0].map(() => ({ nameStart: 0, nameEnd: 0, valueStart: 0 }))
  let depth = 0
  let weight = 0
  let at = skipBlanks(bytes, 0)
  if (bytes[at] !== OPENING_OBJECT) throw new SyntaxError('not an object')
  for (;;) {
    const byte = bytes[at] ?? 0
    let isOpened = false
    if (byte === QUOTE) at = strings.end(at)
    else if (byte === OPENING_OBJECT || byte === OPENING_LIST) {
      depth += 1
      weight += CONTAINER_WEIGHT
      if (depth > MAX_JSON_DEPTH) throw new SyntaxError('nested too deeply')
      isObject[depth] = byte === OPENING_OBJECT ? 1 : 0
      at = skipBlanks(bytes, at + 1)
      isOpened = bytes[at] !== (byte === OPENING_OBJECT ? CLOSING_OBJECT : CLOSING_LIST)
      if (!isOpened) {
        depth -= 1
        at += 1
      }
    } else at = endOfScalar(bytes, at)
    // Behind a value: close what ends here, up to the next member or element.
    while (!isOpened) {
      tell(depth, at)
      at = skipBlanks(bytes, at)
      if (depth === 0) {
        if (at !== bytes.length) throw new SyntaxError('text behind the object')
        return { places, hasEscapedNames: strings.hasEscapedNames, weight }
      }
      const next = bytes[at] ?? 0
      at += 1
      if (next === COMMA) {
        at = skipBlanks(bytes, at)
        isOpened = true
      } else if (next === (isObject[depth] === 1 ? CLOSING_OBJECT : CLOSING_LIST)) depth -= 1
      else throw new SyntaxError('a comma is missing')
    }
    if (isObject[depth] === 1) {
      weight += 1
      at = readName(depth, at)
    }
  }

  function readName(level: number, start: number): number {
    if (bytes[start] !== QUOTE) throw new SyntaxError('a name is missing')
    const end = strings.end(start, true)
    const colon = skipBlanks(bytes, end)
    if (bytes[colon] !== COLON) throw new SyntaxError('a colon is missing')
    const valueStart = skipBlanks(bytes, colon + 1)
    const member = open[level]
    if (level <= TOLD_LEVELS && member !== undefined) {
      member.nameStart = start
      member.nameEnd = end
      member.valueStart = valueStart
    }
    return valueStart
  }

  function tell(level: number, valueEnd: number): void {
    const member = open[level]
    if (level === 0 || level > TOLD_LEVELS || isObject[level] !== 1 || member === undefined) return
    places.push({ level, ...member, valueEnd })
  }
}

function skipBlanks(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at]
    if (byte !== BLANK && byte !== NEWLINE && byte !== CARRIAGE_RETURN && byte !== TAB) return at
    at += 1
  }
}

/** Where a number, `true`, `false` or `null` ends. */
function endOfScalar(bytes: Buffer, start: number): number {
  let at = start
  for (; at - start < LONGEST_SCALAR; at += 1) {
    const byte = bytes[at] ?? BLANK
    if (byte <= BLANK || byte === COMMA || byte === CLOSING_OBJECT || byte === CLOSING_LIST) break
  }
  if (!SCALAR.test(bytes.toString('latin1', start, at))) throw new SyntaxError('a value is not valid')
  return at
}

class StringReader {
  hasEscapedNames = false
  readonly #bytes: Buffer
  readonly #control: ControlBytes
  /** The next of each behind what has been read: searched once, however many strings and escapes there are. */
  #nextQuote = -1
  #nextBackslash = -1

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#control = new ControlBytes(bytes)
  }

  /** Where the string ends whose quote is at `start`. */
  end(start: number, isName = false): number {
    const bytes = this.#bytes
    let at = start + 1
    for (;;) {
      const near = Math.min(at + NEAR, bytes.length)
      let byte = 0
      while (at < near) {
        byte = bytes[at] ?? 0
        if (byte === QUOTE || byte === BACKSLASH || byte < BLANK) break
        at += 1
      }
      if (at === near) {
        at = this.#nextSpecial(at)
        byte = bytes[at] ?? 0
      }
      if (byte === QUOTE) return at + 1
      if (byte !== BACKSLASH) throw new SyntaxError('a string is not closed')
      if (isName) this.hasEscapedNames = true
      at = this.#endOfEscape(at)
    }
  }

  #nextSpecial(at: number): number {
    const bytes = this.#bytes
    if (this.#nextQuote < at) this.#nextQuote = found(bytes.indexOf(QUOTE, at))
    if (this.#nextBackslash < at) this.#nextBackslash = found(bytes.indexOf(BACKSLASH, at))
    const next = Math.min(this.#nextQuote, this.#nextBackslash, bytes.length)
    if (this.#control.isBetween(at, next)) throw new SyntaxError('a control character is in a string')
    return next
  }

  #endOfEscape(at: number): number {
    if (ESCAPABLE.has(this.#bytes[at + 1] ?? 0)) return at + 2
    if (!CODE.test(this.#bytes.toString('latin1', at + 1, at + 6)))
      throw new SyntaxError('an escape is not valid')
    return at + 6
  }
}

/** The end of all bytes for what was not found. */
function found(position: number): number {
  return position === -1 ? Number.MAX_SAFE_INTEGER : position
}
