import { limitEvents } from '../../../src/upstream/fetch/limited-stream.ts'
import { broken, choiceIn, type Target } from '../target.ts'

const MAX_BYTES = [30, 90, 400, 100_000]

/** The limit of each event of a stream. */
export const eventLimits: Target = {
  name: 'event-limits',
  guarantee: 'a stream whose events are within the limit passes as it is, and no larger event passes',
  code: [
    'upstream/fetch/limited-stream.ts',
    'upstream/fetch/event-limiter.ts',
    'upstream/messages/oversized-message.ts',
  ],
  seeds: [
    '\0data: {"jsonrpc":"2.0","id":1,"result":{"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}}\n\ndata: a\n\n',
    '\u0001data: {"jsonrpc":"2.0","result":{"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"},"id":5}\r\n\r\ndata: a\r\n\r\n',
    '\u0001data: {"jsonrpc":"2.0","result":{"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"},"id":5}\r\rdata: a\r\r',
    '\u0003event: endpoint\ndata: /messages\n\nid: 3\ndata: {}\n\n',
  ],
  words: [
    'data: ',
    '\n\n',
    '\r\n\r\n',
    '\r',
    '"id":1',
    '"result":',
    '{"jsonrpc":"2.0",',
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  ],
  async check(input) {
    const { choice, rest } = choiceIn(input)
    const maxBytes = MAX_BYTES[choice & 3] ?? 30
    const given = withNewlines(rest.toString('latin1'))
    const passed = withNewlines(await through(rest, maxBytes, 1 + (choice >> 2)))
    // Each end of a line may have been two bytes.
    const sizes = given.split('\n\n').map((event) => event.length + event.split('\n').length + 4)
    if (Math.max(...sizes) <= maxBytes && passed !== given) broken('a stream within the limit was changed')
    // The answer in place of a large event is the gateway's own.
    const longest = Math.max(...passed.split('\n\n').map((event) => event.length))
    if (longest > Math.max(maxBytes + 4, 200))
      broken(`an event of ${longest} bytes passed a limit of ${maxBytes}`)
  },
}

/** With newlines as the only ends of lines: a carriage return may have got its newline on the way. */
function withNewlines(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n')
}

async function through(bytes: Buffer, maxBytes: number, size: number): Promise<string> {
  const { readable, writable } = limitEvents(maxBytes, () => undefined)
  const writer = writable.getWriter()
  const reading = new Response(readable).arrayBuffer()
  for (let at = 0; at < bytes.length; at += size) await writer.write(bytes.subarray(at, at + size))
  await writer.close()
  return Buffer.from(await reading).toString('latin1')
}
