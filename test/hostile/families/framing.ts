import { setTimeout as sleep } from 'node:timers/promises'
import type { Socket } from 'node:net'
import { type Family, type Row, table } from '../row.ts'
import { type Reply, sendBytes } from '../world/send.ts'
import type { World } from '../world/world.ts'

/** A request as text: `{host}` and `{token}` are filled in, lines end with CR LF. */
const filled = (text: string, world: World, id = 'none'): string =>
  text
    .replaceAll('\n', '\r\n')
    .replaceAll('{host}', new URL(world.gateway.url).host)
    .replaceAll('{token}', world.token)
    .replaceAll('{id}', id)

const BODY = '{"arguments":{}}'
const HEAD =
  'POST /v1/tools/echo_say HTTP/1.1\nHost: {host}\nX-Request-Id: {id}\nAuthorization: Bearer {token}\n'
const JSON_HEAD = `${HEAD}Content-Type: application/json\n`
const LENGTH = `Content-Length: ${BODY.length}\n`
const END = 'Connection: close\n\n'
/** What a smuggled request would be answered with, beside the one in front of it. */
const NEXT = 'GET /v1/whoami HTTP/1.1\nHost: {host}\nAuthorization: Bearer {token}\n\n'
const ONE = { calls: 1 }

/** Requests that one reader takes for one, and another for two. */
const SMUGGLED = table((text: string, world, id) => sendBytes(world.gateway.url, filled(text, world, id)), {
  'a good request': [`${JSON_HEAD}${LENGTH}${END}${BODY}`, '200', ONE],
  'a length and chunks': [`${JSON_HEAD}${LENGTH}Transfer-Encoding: chunked\n\n0\n\n${NEXT}`, '400'],
  'two lengths that differ': [`${JSON_HEAD}Content-Length: 0\n${LENGTH}\n${BODY}`, '400'],
  'two lengths that agree': [`${JSON_HEAD}${LENGTH}${LENGTH}\n${BODY}`, '400'],
  'a list of lengths': [`${JSON_HEAD}Content-Length: ${BODY.length}, ${BODY.length}\n\n${BODY}`, '400'],
  'a negative length': [`${JSON_HEAD}Content-Length: -1\n\n${BODY}`, '400'],
  'a length with a sign': [`${JSON_HEAD}Content-Length: +${BODY.length}\n\n${BODY}`, '400'],
  'a length in hexadecimal': [`${JSON_HEAD}Content-Length: 0x10\n\n${BODY}`, '400'],
  'a length beyond all': [`${JSON_HEAD}Content-Length: 99999999999999999999\n\n${BODY}`, '400'],
  'a length that is too short': [`${JSON_HEAD}Content-Length: 2\n\n${BODY}`, '400'],
  'chunks twice': [
    `${JSON_HEAD}Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n${NEXT}`,
    '400',
  ],
  'chunks under another name': [`${JSON_HEAD}Transfer-Encoding: xchunked\n\n0\n\n${NEXT}`, '400'],
  'chunks, then identity': [`${JSON_HEAD}Transfer-Encoding: chunked, identity\n\n0\n\n${NEXT}`, '400'],
  'chunks with a vertical tab': [`${JSON_HEAD}Transfer-Encoding:\vchunked\n\n0\n\n${NEXT}`, '400'],
  'chunks with a space before the colon': [`${JSON_HEAD}Transfer-Encoding : chunked\n\n0\n\n${NEXT}`, '400'],
  'a chunk size that is none': [`${JSON_HEAD}Transfer-Encoding: chunked\n\nzz\n${BODY}\n0\n\n`, '400'],
  'a chunk size beyond all': [`${JSON_HEAD}Transfer-Encoding: chunked\n\nffffffffffffffffff\n`, '400'],
  'a chunk extension of 20 KB': [
    `${JSON_HEAD}Transfer-Encoding: chunked\n\n10;${'a'.repeat(20_000)}\n${BODY}\n0\n\n`,
    '413',
  ],
  'a header folded over two lines': [`${JSON_HEAD}X-Folded: a\n b\n${LENGTH}${END}${BODY}`, '400'],
  'a header name with a space': [`${JSON_HEAD}X Y: a\n${LENGTH}${END}${BODY}`, '400'],
  'a header without a name': [`${JSON_HEAD}: a\n${LENGTH}${END}${BODY}`, '400'],
  'NUL in a header': [`${JSON_HEAD}X: a\0b\n${LENGTH}${END}${BODY}`, '400'],
  'a bare CR in a header': [`${JSON_HEAD}X: a\rAuthorization: Bearer x\n${LENGTH}${END}${BODY}`, '400'],
  'no Host': [
    `POST /v1/tools/echo_say HTTP/1.1\nAuthorization: Bearer {token}\n${LENGTH}${END}${BODY}`,
    '400',
  ],
  'two Hosts': [`${JSON_HEAD}Host: evil.example\n${LENGTH}${END}${BODY}`, '400'],
  'an absolute address of another host': [
    `${JSON_HEAD.replace('/v1', 'http://evil.example/v1')}${LENGTH}${END}${BODY}`,
    '403',
  ],
  'an absolute address of ours': [
    `${JSON_HEAD.replace('/v1', 'http://{host}/v1')}${LENGTH}${END}${BODY}`,
    '200',
    ONE,
  ],
  'an absolute address that is none': [
    `${JSON_HEAD.replace('/v1', 'http://[::x]/v1')}${LENGTH}${END}${BODY}`,
    '403',
  ],
  'an address that begins with two slashes': [
    `${JSON_HEAD.replace('/v1', '//evil.example/v1')}${LENGTH}${END}${BODY}`,
    '404',
  ],
  'only an authority': [`CONNECT 169.254.169.254:80 HTTP/1.1\nHost: {host}\n\n`, 'no answer'],
  'an asterisk': ['OPTIONS * HTTP/1.1\nHost: {host}\nConnection: close\n\n', '401'],
  TRACE: [
    'TRACE /v1/whoami HTTP/1.1\nHost: {host}\nAuthorization: Bearer {token}\nConnection: close\n\n',
    '405',
  ],
  'a method that is none': ['EVIL /v1/whoami HTTP/1.1\nHost: {host}\n\n', '400'],
  'a method in small letters': ['get /v1/whoami HTTP/1.1\nHost: {host}\n\n', '400'],
  'HTTP 0.9': ['GET /v1/whoami\n\n', '403'],
  'HTTP 1.0 with a token': [`${JSON_HEAD.replace('1.1', '1.0')}${LENGTH}\n${BODY}`, '200', ONE],
  'HTTP 2.0': ['PRI * HTTP/2.0\n\nSM\n\n', '400'],
  'HTTP 1.2': ['GET /v1/whoami HTTP/1.2\nHost: {host}\n\n', '400'],
  TLS: ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001', '400'],
  'the header of a proxy (PROXY protocol)': [`PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n${NEXT}`, '400'],
  'an upgrade to HTTP/2': [
    `${JSON_HEAD}Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n${LENGTH}\n${BODY}`,
    '200',
    ONE,
  ],
  'a handshake for a WebSocket without a token, and a request behind it': [
    `GET /ws HTTP/1.1\nHost: {host}\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\n${NEXT}`,
    '401',
  ],
  'two requests at once, in order': [
    `${JSON_HEAD}${LENGTH}\n${BODY}${NEXT.replace('\n\n', '\nConnection: close\n\n')}`,
    '200 200',
    ONE,
  ],
  'a header of 20 KB': [`${JSON_HEAD}X: ${'a'.repeat(20_000)}\n${LENGTH}${END}${BODY}`, '431'],
  'an address of 20 KB': [`GET /${'a'.repeat(20_000)} HTTP/1.1\nHost: {host}\n\n`, '431'],
  'a header that never ends': [`${JSON_HEAD}X: ${'a'.repeat(200_000)}`, '431'],
  '101 headers': [
    `${JSON_HEAD}${Array.from({ length: 96 }, (_, n) => `X-${n}: a\n`).join('')}${LENGTH}${END}${BODY}`,
    '431',
  ],
  '2,000 headers': [`${JSON_HEAD}${'X: a\n'.repeat(2000)}${LENGTH}${END}${BODY}`, '431'],
  'expects 100-continue, and sends the body': [
    `${JSON_HEAD}Expect: 100-continue\n${LENGTH}${END}${BODY}`,
    '100 200',
    ONE,
  ],
  'expects something else': [`${JSON_HEAD}Expect: 200-ok\n${LENGTH}${END}${BODY}`, '417'],
  'trailers that are credentials': [
    `${HEAD.replace('Authorization: Bearer {token}\n', '')}Content-Type: application/json\nTransfer-Encoding: chunked\nTrailer: Authorization\nConnection: close\n\n10\n${BODY}\n0\nAuthorization: Bearer {token}\n\n`,
    '401',
  ],
})

/** What takes its time, all begun together, because it takes up to half a minute. */
function slow(world: World): readonly Row[] {
  const begun = (
    what: string,
    answer: string,
    most: number,
    write: (socket: Socket) => Promise<void>,
  ): Row => {
    const reply = sendBytes(world.gateway.url, write, 45_000)
    return {
      what,
      answer,
      send: async (): Promise<Reply> => {
        const came = await reply
        const late = came.ms > most ? `ended after ${Math.round(came.ms / 1000)} s` : undefined
        return late === undefined ? came : { ...came, text: late }
      },
    }
  }
  const drip = async (socket: Socket, head: string, piece: string, everyMs: number): Promise<void> => {
    socket.write(filled(head, world))
    while (!socket.destroyed) {
      await sleep(everyMs)
      if (!socket.destroyed) socket.write(piece)
    }
  }
  return [
    begun('a header a second', '408', 13_000, (socket) =>
      drip(socket, 'GET / HTTP/1.1\nHost: {host}\n', 'X: a\r\n', 1000),
    ),
    begun('no header at all', '408', 13_000, (socket) => drip(socket, '', '', 1000)),
    begun('a line that never ends', '408', 13_000, (socket) => drip(socket, 'GET /', 'a', 500)),
    begun('a byte of the body a second', '408', 34_000, (socket) =>
      drip(socket, `${JSON_HEAD}Content-Length: 1000\n\n`, ' ', 1000),
    ),
    begun('a chunk of the body a second', '408', 34_000, (socket) =>
      drip(socket, `${JSON_HEAD}Transfer-Encoding: chunked\n\n`, '1\r\n \r\n', 1000),
    ),
    begun('a byte of the body a second, without a token', '401 408', 34_000, (socket) =>
      drip(
        socket,
        `${HEAD.replace(/Authorization.*\n/, '')}Content-Type: application/json\nContent-Length: 1000\n\n`,
        ' ',
        1000,
      ),
    ),
  ]
}

/** HTTP as bytes: where a request ends, and how long one may take. */
export const framing: Family = {
  name: 'HTTP framing',
  rows: (world) => {
    const begun = slow(world)
    return [...SMUGGLED, ...begun]
  },
}
