import { endOfString } from '../../domain/json/json-scan.ts'

const [QUOTE, BACKSLASH, COMMA, COLON, BLANK] = [0x22, 0x5c, 0x2c, 0x3a, 0x20]
const [OPENING_LIST, CLOSING_LIST, OPENING_OBJECT, CLOSING_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const METHOD = 'method'
/** What only other messages have. */
const NOT_ITS = new Set(['id', 'result', 'error'])
const LONGEST_NAME = 8
const LONGEST_METHOD = 128
const NOTIFICATION = 'notifications/'
/** Notifications of something that has changed, or that others wait for. */
const TELLING = new Set([
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/updated',
  'notifications/subscriptions/acknowledged',
  'notifications/cancelled',
  'notifications/elicitation/complete',
  'notifications/tasks/status',
])

/**
 * What a message is for one who gets too many: `passing` is a notification that says how something is going on, and of which
 * one more or less makes no difference; `telling` one that may be left out only if the same was just said; `other` is every
 * other message, and any message in doubt.
 */
export type Importance = 'passing' | 'telling' | 'other'

/**
 * Tells the importance of the message that stands in `bytes` as JSON, from `start` up to `end`, by the names of its members:
 * one pass that knows strings and depth, and makes nothing of the rest. Whether it is valid JSON is for its parser to say.
 */
export function importanceOf(bytes: Buffer, start: number, end: number): Importance {
  let at = skipBlanks(bytes, start, end)
  if (bytes[at] !== OPENING_OBJECT) return 'other'
  let found: Importance = 'other'
  let isName = false
  for (let depth = 0; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) {
      const close = endOfString(bytes, at, end)
      if (isName) {
        const told = importanceOfMember(bytes, { start: at + 1, close, end })
        if (told === 'other') return told
        found = told ?? found
      }
      isName = false
      at = close
      continue
    }
    const step = depthStep(byte)
    depth += step
    if (depth === 0) return skipBlanks(bytes, at + 1, end) === end ? found : 'other'
    if (step === 1 || byte === COMMA) isName = depth === 1
  }
  return 'other'
}

function depthStep(byte: number): number {
  if (byte === OPENING_OBJECT || byte === OPENING_LIST) return 1
  return byte === CLOSING_OBJECT || byte === CLOSING_LIST ? -1 : 0
}

/** The same by one member, whose name stands from `start` up to `close`; undefined if it says nothing of it. */
function importanceOfMember(
  bytes: Buffer,
  { start, close, end }: { readonly start: number; readonly close: number; readonly end: number },
): Importance | undefined {
  for (let at = start; at < close; at += 1) if (bytes[at] === BACKSLASH) return 'other'
  if (close - start > LONGEST_NAME) return undefined
  const name = bytes.toString('latin1', start, close)
  if (NOT_ITS.has(name)) return 'other'
  return name === METHOD ? importanceOfMethod(bytes, close + 1, end) : undefined
}

/** The same by the method, whose colon and value stand behind `start`. */
function importanceOfMethod(bytes: Buffer, start: number, end: number): Importance {
  const colon = skipBlanks(bytes, start, end)
  const from = skipBlanks(bytes, colon + 1, end)
  if (bytes[colon] !== COLON || bytes[from] !== QUOTE) return 'other'
  const close = endOfString(bytes, from, end)
  if (close - from > LONGEST_METHOD) return 'other'
  const method = bytes.toString('latin1', from + 1, close)
  if (!method.startsWith(NOTIFICATION) || method.includes('\\')) return 'other'
  return TELLING.has(method) ? 'telling' : 'passing'
}

function skipBlanks(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (bytes[at] ?? 0) <= BLANK) at += 1
  return at
}
