import { estimatedTokens } from '../../domain/documents/result-rules.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** The part of a preview that is its beginning; the rest is its end. */
const HEAD = 0.7
/** Size of a preview without the texts. */
const AROUND_BYTES = 700
const SMALLEST = 100
const MAX_TRIES = 4
const MAX_META = 2048

/** Where the whole result can be read. */
export interface PreviewLink {
  readonly uri: string
  readonly until: string
}

/** A result as one text. */
export interface ResultText {
  readonly text: string
  readonly mimeType: string
}

/** The stored form of a result: its texts if it has nothing else, otherwise its JSON. */
export function wholeText(result: JsonObject): ResultText {
  const texts = textsOf(result)
  return texts !== undefined && texts.length > 0
    ? { text: texts.join('\n'), mimeType: 'text/plain' }
    : { text: JSON.stringify(result), mimeType: 'application/json' }
}

/**
 * A result of at most `maxBytes` as JSON, if that is possible at all: the beginning and the end of the text, and a link
 * to the whole.
 * @param link undefined if the result could not be stored
 */
export function previewOf(
  result: JsonObject,
  whole: ResultText,
  { link, maxBytes }: { link: PreviewLink | undefined; maxBytes: number },
): JsonObject {
  const text = Buffer.from(whole.text)
  let room = Math.max(SMALLEST, maxBytes - AROUND_BYTES)
  for (let tries = 1; ; tries += 1) {
    const preview = withRoom(result, text, { ...whole, link, room })
    const bytes = Buffer.byteLength(JSON.stringify(preview))
    if (bytes <= maxBytes || room === SMALLEST || tries === MAX_TRIES) return preview
    // Characters that JSON escapes take more room than they have bytes.
    room = Math.max(SMALLEST, Math.floor(room * 0.95 * (maxBytes / bytes)))
  }
}

function withRoom(
  { content: _content, structuredContent: _structured, _meta: meta, ...rest }: JsonObject,
  text: Buffer,
  { link, room, mimeType }: { link: PreviewLink | undefined; room: number; mimeType: string },
): JsonObject {
  const head = text.subarray(0, beginningOfCharacter(text, Math.floor(room * HEAD)))
  const tail = text.subarray(
    beginningOfCharacter(text, Math.max(head.length, text.length - (room - head.length))),
  )
  const left = text.length - head.length - tail.length
  const note = noteOf({ left, total: text.length, link })
  const blocks = [
    { type: 'text', text: `${head.toString()}\n\n[${note}]\n\n${tail.toString()}` },
    ...(link === undefined
      ? []
      : [{ type: 'resource_link', uri: link.uri, name: 'whole result', mimeType, size: text.length }]),
  ]
  const isSmall = isJsonObject(meta) && JSON.stringify(meta).length <= MAX_META
  return {
    ...rest,
    content: blocks,
    _meta: {
      ...(isSmall && meta),
      'tool-gateway/preview': { bytes: text.length, leftOut: left, ...(link !== undefined && link) },
    },
  }
}

function noteOf({
  left,
  total,
  link,
}: {
  left: number
  total: number
  link: PreviewLink | undefined
}): string {
  const what = `${left} of ${total} bytes (about ${estimatedTokens(left)} tokens) are left out here.`
  if (link === undefined) return `${what} The whole result could not be kept.`
  return `${what} The whole result is the resource ${link.uri} until ${link.until}. To read a part of it, add ?from=0&length=4000, in characters.`
}

/** The texts of a result that has nothing else. */
function textsOf({ content }: JsonObject): string[] | undefined {
  if (!Array.isArray(content)) return undefined
  const texts = (content as readonly unknown[]).map((block) =>
    isJsonObject(block) && block['type'] === 'text' && typeof block['text'] === 'string'
      ? block['text']
      : undefined,
  )
  return texts.every((text) => text !== undefined) ? texts : undefined
}

/** The position itself or one before it, so that no character is cut. */
function beginningOfCharacter(text: Buffer, place: number): number {
  let at = Math.min(Math.max(place, 0), text.length)
  while (at > 0 && at < text.length && ((text[at] ?? 0) & 0xc0) === 0x80) at -= 1
  return at
}
