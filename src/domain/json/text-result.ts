import type { JsonObject } from './json.ts'
import { membersOf } from './json-reader.ts'
import { RawObject } from './raw-object.ts'
import { SparseText } from './sparse-text.ts'

/** The result of a tool that is nothing but texts, as its server wrote it: of most results nothing more has to be known. */
export class TextResult extends RawObject {
  /** As `JSON.stringify` writes it. */
  readonly json: string
  readonly #isError: boolean | undefined

  /** @param isError what it says of itself, if it does */
  constructor(json: string, isError: boolean | undefined) {
    super([], false)
    this.json = json
    this.#isError = isError
  }

  override get size(): number {
    return Buffer.byteLength(this.json)
  }

  override has(name: string): boolean {
    return name === 'content' || (name === 'isError' && this.#isError !== undefined)
  }

  override get(name: string): unknown {
    if (name === 'isError') return this.#isError
    return this.has(name) ? this.parse()[name] : undefined
  }

  override with(changes: JsonObject): RawObject {
    return rawObjectIn(this.json).with(changes)
  }

  override mayMention(name: string): boolean {
    return this.json.includes(`"${name}"`)
  }

  override chunks(): Buffer[] {
    return [Buffer.from(this.json)]
  }
}

function rawObjectIn(json: string): RawObject {
  const bytes = Buffer.from(json)
  const { places, hasEscapedNames } = membersOf(bytes)
  const own = RawObject.of(
    SparseText.whole(bytes),
    places.filter(({ level }) => level === 1),
    hasEscapedNames,
  )
  if (own === undefined) throw new TypeError('a result of texts has its members once')
  return own
}

const CONTENT = '"content":['
const BLOCK = '{"type":"text","text":"'
const FAILED = ',"isError":true'
const OUTCOMES = [FAILED, ',"isError":false']
const COMPLETE = ',"resultType":"complete"'
const [QUOTE, BACKSLASH, BLANK] = [0x22, 0x5c, 0x20]
/** What `JSON.stringify` writes behind a backslash, but for codes. */
const ESCAPED = '"\\bfnrt'

/**
 * The result in a message that answers the request of that id, if it is nothing but texts and is written as `JSON.stringify`
 * would write it; undefined for every other message, valid or not. `resultType` is left out of it where it is `complete`. That
 * takes about half as long as making values of a short message and JSON of those.
 */
export function textResultIn(message: string, id: number): TextResult | undefined {
  const before = `{"jsonrpc":"2.0","id":${id},"result":{`
  if (message.startsWith(before)) return textResult(message, before.length, '}}')
  const isResultFirst = message.startsWith(RESULT_FIRST)
  return isResultFirst ? textResult(message, RESULT_FIRST.length, `},"jsonrpc":"2.0","id":${id}}`) : undefined
}

const RESULT_FIRST = '{"result":{'

/** @param behind what has to stand behind the members of the result, up to the end of the message */
function textResult(message: string, start: number, behind: string): TextResult | undefined {
  const contentEnd = endOfContent(message, start)
  if (contentEnd === undefined) return undefined
  const outcome = OUTCOMES.find((each) => message.startsWith(each, contentEnd))
  const end = contentEnd + (outcome?.length ?? 0)
  const last = message.startsWith(COMPLETE, end) ? end + COMPLETE.length : end
  if (message.length !== last + behind.length || !message.endsWith(behind)) return undefined
  return new TextResult(
    `{${message.slice(start, end)}}`,
    outcome === undefined ? undefined : outcome === FAILED,
  )
}

/** Where the member `content` ends that begins at `start`. */
function endOfContent(message: string, start: number): number | undefined {
  if (!message.startsWith(CONTENT, start)) return undefined
  let at = start + CONTENT.length
  if (message[at] === ']') return at + 1
  for (;;) {
    if (!message.startsWith(BLOCK, at)) return undefined
    at = endOfText(message, at + BLOCK.length)
    if (!message.startsWith('"}', at)) return undefined
    at += 2
    if (message[at] === ']') return at + 1
    if (message[at] !== ',') return undefined
    at += 1
  }
}

/** Where the quote is that ends a text; where something else stands, if it is not written as usual. */
function endOfText(message: string, start: number): number {
  for (let at = start; ; at += 1) {
    const code = message.charCodeAt(at)
    if (code === BACKSLASH) {
      if (!ESCAPED.includes(message.charAt(at + 1) || '?')) return at
      at += 1
    } else if (code === QUOTE || !(code >= BLANK)) return at
  }
}
