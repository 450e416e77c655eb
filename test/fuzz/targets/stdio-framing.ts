import { LineFramer } from '../../../src/upstream/stdio/line-framer.ts'
import { readLine } from '../../../src/upstream/stdio/stdio-line.ts'
import { broken, choiceIn, pushInPieces, type Target } from '../target.ts'

const MAX_BYTES = [7, 40, 300, 100_000]

/** What a framer said, in its order. */
type Said = string

/** Standard output of a process, taken apart into lines and messages. */
export const stdioFraming: Target = {
  name: 'stdio-framing',
  guarantee:
    'lines are those between newlines, wherever the bytes are cut, and one that is too long costs no other',
  code: [
    'upstream/stdio/line-framer.ts',
    'upstream/stdio/stdio-line.ts',
    'upstream/messages/oversized-message.ts',
  ],
  seeds: [
    '\0{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":"a","result":{"content":[]}}\n',
    '\u0001npm notice\n\n{"id":7,"jsonrpc":"2.0","result":{"x":NaN}}\n',
    '\u0002{"jsonrpc":"2.0","result":{"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},"id":12}\n',
    '\u0003\u00ef\u00bb\u00bf{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}\r\n',
  ],
  words: [
    '\n',
    '\r\n',
    '"id":',
    '"jsonrpc":"2.0"',
    '"result":',
    '"error":',
    '{',
    '}',
    ',',
    '\\"',
    '\\u0041',
    '-0',
    '1e400',
  ],
  check(input) {
    const { choice, rest } = choiceIn(input)
    const maxBytes = MAX_BYTES[choice & 3] ?? 7
    const whole = said(rest, maxBytes, rest.length + 1)
    const pieces = said(rest, maxBytes, 1 + (choice >> 2))
    if (whole.join('\n') !== pieces.join('\n')) broken('what was said depends on where the bytes were cut')
    if (whole.join('\n') !== expected(rest, maxBytes).join('\n'))
      broken('lines are not those between newlines')
    for (const line of rest.toString().split('\n')) checkLine(line)
  },
}

function said(bytes: Buffer, maxBytes: number, size: number): Said[] {
  const all: Said[] = []
  const framer = new LineFramer({
    maxBytes,
    listener: {
      onLine: (line) => all.push(`line ${line}`),
      onOversized: (head, tail) => all.push(tail === undefined ? 'too long' : `ended ${head.length > 0}`),
    },
  })
  pushInPieces(framer, bytes, size)
  return all
}

function expected(bytes: Buffer, maxBytes: number): Said[] {
  const all: Said[] = []
  let start = 0
  for (let end = bytes.indexOf('\n'); ; end = bytes.indexOf('\n', start)) {
    const length = (end === -1 ? bytes.length : end) - start
    if (length > maxBytes) all.push('too long', ...(end === -1 ? [] : ['ended true']))
    else if (length > 0 && end !== -1) all.push(`line ${bytes.toString('utf8', start, end)}`)
    if (end === -1) return all
    start = end + 1
  }
}

function checkLine(text: string): void {
  const line = readLine(text)
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    value = undefined
  }
  const isMessage =
    typeof value === 'object' && value !== null && 'jsonrpc' in value && value.jsonrpc === '2.0'
  if (isMessage !== (line.kind === 'message')) broken(`a line is ${line.kind}, a message: ${isMessage}`)
  if (line.kind === 'unreadable' && !['string', 'number'].includes(typeof line.id)) broken('an id is none')
}
