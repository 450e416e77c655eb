import { EventReader } from '../../../src/upstream/fetch/event-reader.ts'
import { ResponseTooLarge } from '../../../src/upstream/messages/oversized-message.ts'
import { broken, choiceIn, pushInPieces, type Target } from '../target.ts'

const MAX_BYTES = [12, 60, 100_000, 100_000]

/** The splitter of event streams. */
export const events: Target = {
  name: 'events',
  guarantee:
    'the events are those that HTML defines, wherever the bytes are cut, or one of them is larger than the limit',
  code: ['upstream/fetch/event-reader.ts'],
  seeds: [
    '\0data: {"a":1}\n\ndata: b\n\n',
    '\u0001event: message\r\nid: 7\r\ndata: a\r\ndata: b\r\n\r\n',
    '\u0002: comment\ndata:\nevent: other\ndata: x\n\nretry: 5\n\n',
    '\u0003\u00ef\u00bb\u00bfdata: a\n\nid\ndata\n\n',
  ],
  words: [
    'data: ',
    'data:',
    'data',
    'event: ',
    'event: message\n',
    'id: ',
    '\n\n',
    '\r\n\r\n',
    '\r\r',
    '\r',
    ': ',
    '\u00ef\u00bb\u00bf',
    '\0',
  ],
  check(input) {
    const { choice, rest } = choiceIn(input)
    const maxBytes = MAX_BYTES[choice & 3] ?? 12
    const whole = read(rest, maxBytes, rest.length + 1)
    const pieces = read(rest, maxBytes, 1 + (choice >> 2))
    if (JSON.stringify(whole) !== JSON.stringify(pieces))
      broken('the events depend on where the bytes were cut')
    const messages = messagesIn(rest.toString('latin1'))
    if (whole.isTooLarge) {
      if (rest.length <= maxBytes) broken('a small stream was too large')
      if (!messages.join('\0').startsWith(whole.data.join('\0')))
        broken('events before a large one are others')
    } else if (JSON.stringify(whole.data) !== JSON.stringify(messages)) {
      broken('the events are not those that HTML defines')
    }
  },
}

function read(bytes: Buffer, maxBytes: number, size: number): { data: string[]; isTooLarge: boolean } {
  const data: string[] = []
  const reader = new EventReader({
    maxBytes,
    onData: (chunks) => data.push(Buffer.concat(chunks).toString('latin1')),
    onId: () => undefined,
  })
  try {
    pushInPieces(reader, bytes, size)
  } catch (thrown) {
    if (!(thrown instanceof ResponseTooLarge)) throw thrown
    return { data, isTooLarge: true }
  }
  return { data, isTooLarge: false }
}

/** As HTML has it (server-sent events, §9.2.6), of messages that have data. */
function messagesIn(stream: string): string[] {
  const found: string[] = []
  let data: string[] = []
  let type = ''
  // What has no end yet is no line.
  const lines = stream
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .split(/\r\n|\r|\n/)
    .slice(0, -1)
  for (const line of lines) {
    if (line === '') {
      const text = data.join('\n')
      if (text !== '' && (type === '' || type === 'message')) found.push(text)
      data = []
      type = ''
      continue
    }
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (name === 'data') data.push(value)
    else if (name === 'event') type = value
  }
  return found
}
