import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type Family, table } from '../row.ts'
import { type Reply, sendBytes } from '../world/send.ts'
import type { World } from '../world/world.ts'

const USUAL = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-protocol': 'mcp',
}

interface Opening {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** What is sent once it is open. */
  readonly frames?: readonly Buffer[]
}

/** Opens a WebSocket by hand; what is said is how the server answered, and its frames until it closed. */
async function open(
  { path = '/ws', method = 'GET', headers = {}, frames = [] }: Opening,
  world: World,
  requestId: string,
): Promise<Reply> {
  const { host } = new URL(world.gateway.url)
  const all = {
    host,
    authorization: `Bearer ${world.token}`,
    'x-request-id': requestId,
    ...USUAL,
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  )
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
  const reply = await sendBytes(world.gateway.url, (socket) => converse(socket, head, frames), 3000)
  const [first = '', rest = ''] = reply.text.split(/\r\n\r\n([^]*)/, 2)
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 'no answer'
  const code = /"code":"(\w+)"/.exec(rest)?.[1]
  const told = status === '101' ? framesIn(Buffer.from(rest, 'latin1')) : code === undefined ? [] : [code]
  return { ...reply, said: [status, ...told].join(' ') }
}

async function converse(socket: Socket, head: string, frames: readonly Buffer[]): Promise<void> {
  const answered = once(socket, 'data')
  socket.write(head)
  await answered
  for (const each of frames) socket.write(each)
}

/** The frames of a server: how it closed, and the messages that it sent. */
function framesIn(bytes: Buffer): string[] {
  const found: string[] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const opcode = (bytes[at] ?? 0) & 0x0f
    const short = (bytes[at + 1] ?? 0) & 0x7f
    const start = at + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0)
    const size = short === 126 ? bytes.readUInt16BE(at + 2) : short
    const content = bytes.subarray(start, start + size)
    if (opcode === 8) found.push(`closed ${content.length < 2 ? '' : content.readUInt16BE(0)}`)
    if (opcode === 1) found.push(codeIn(content.toString()))
    at = start + size
  }
  return found
}

function codeIn(message: string): string {
  return /"code":(-\d+)/.exec(message)?.[1] ?? 'a result'
}

/** A frame of a client. @param bits of the first byte: FIN, reserved ones, opcode */
function frame(bits: number, content: string | Buffer, { isMasked = true, length = -1 } = {}): Buffer {
  const payload = Buffer.from(content)
  const size = sizeOf(length === -1 ? payload.length : length)
  size[0] = (size[0] ?? 0) | (isMasked ? 0x80 : 0)
  return Buffer.concat([Buffer.of(bits), size, Buffer.alloc(isMasked ? 4 : 0), payload])
}

/** The length of a frame as it stands there (RFC 6455 §5.2). */
function sizeOf(length: number): Buffer {
  if (length < 126) return Buffer.of(length)
  const bytes = Buffer.alloc(length < 65_536 ? 3 : 9)
  bytes[0] = length < 65_536 ? 126 : 127
  if (length < 65_536) bytes.writeUInt16BE(length, 1)
  else bytes.writeBigUInt64BE(BigInt(length), 1)
  return bytes
}

const TEXT = 0x81
const CLOSE = frame(0x88, Buffer.from([0x03, 0xe8]))
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

const OPENINGS = table(open, {
  'an upgrade by POST': [{ method: 'POST' }, '405 method_not_allowed'],
  'no key': [{ headers: { 'sec-websocket-key': undefined } }, '400 invalid_request'],
  'a key that is too short': [{ headers: { 'sec-websocket-key': 'AAAA' } }, '400 invalid_request'],
  'the version 8': [{ headers: { 'sec-websocket-version': '8' } }, '426 upgrade_required'],
  'another subprotocol': [{ headers: { 'sec-websocket-protocol': 'evil' } }, '400 invalid_request'],
  'no token': [{ headers: { authorization: undefined } }, '401 missing_token'],
  'a token in the query': [
    { path: '/ws?access_token=x', headers: { authorization: undefined } },
    '401 missing_token',
  ],
  'a ticket that is none': [
    { path: '/ws?ticket=x', headers: { authorization: undefined } },
    '401 invalid_ticket',
  ],
  'a ticket of a prototype as a subprotocol': [
    { headers: { authorization: undefined, 'sec-websocket-protocol': 'mcp, mcp.ticket.__proto__' } },
    '401 missing_token',
  ],
  'the page of somebody else': [{ headers: { origin: 'https://evil.example' } }, '403 host_not_allowed'],
  'another host': [{ headers: { host: 'evil.example' } }, '403 host_not_allowed'],
  'a path that there is not': [{ path: '/ws/../v1/audit' }, '404 not_found'],
  'a server that the caller may not use': [{ path: '/ws/hidden' }, '404 server_not_found'],
  'a server that there is not': [{ path: '/ws/absent' }, '404 server_not_found'],
  'another protocol': [{ headers: { upgrade: 'h2c' } }, '426 upgrade_required'],
})

const FRAMES = table((frames: readonly Buffer[], world, id) => open({ frames }, world, id), {
  'a frame that is not masked': [[frame(TEXT, PING, { isMasked: false })], '101 closed 1002'],
  'a frame with reserved bits': [[frame(TEXT | 0x70, PING)], '101 closed 1002'],
  'a kind of frame that there is not': [[frame(0x83, PING)], '101 closed 1002'],
  'bytes in place of a text': [[frame(0x82, PING)], '101 closed 1003'],
  'a text that is not UTF-8': [[frame(TEXT, Buffer.from([0xff, 0xfe]))], '101 closed 1007'],
  'a continuation of nothing': [[frame(0x80, PING)], '101 closed 1002'],
  'a text within another one': [[frame(0x01, '{'), frame(TEXT, PING)], '101 closed 1002'],
  'a ping of 200 bytes': [[frame(0x89, 'x'.repeat(200))], '101 closed 1002'],
  'a ping in parts': [[frame(0x09, 'x')], '101 closed 1002'],
  'a length of 2^62': [[frame(TEXT, '', { length: 2 ** 62 })], '101 closed 1009'],
  'a length of 100 MB': [[frame(TEXT, '', { length: 100_000_000 })], '101 closed 1009'],
  'a close with a code that there is not': [[frame(0x88, Buffer.from([0x00, 0x01]))], '101 closed 1002'],
  'no JSON': [[frame(TEXT, 'evil'), CLOSE], '101 -32700 closed 1000'],
  'a batch': [[frame(TEXT, `[${PING},${PING}]`), CLOSE], '101 -32600 closed 1000'],
  'a call before the session is open': [
    [
      frame(
        TEXT,
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hidden_say","arguments":{}}}',
      ),
      CLOSE,
    ],
    '101 -32602 closed 1000',
  ],
  'ten thousand pings': [
    [...Array.from({ length: 10_000 }, () => frame(0x89, '')), CLOSE],
    '101 closed 1000',
  ],
})

/** How WebSockets are opened, and what frames they carry. */
export const websocket: Family = { name: 'WebSocket', rows: () => [...OPENINGS, ...FRAMES] }
