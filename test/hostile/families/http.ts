import { setTimeout as sleep } from 'node:timers/promises'
import type { Socket } from 'node:net'
import { type Family, type Row, table } from '../row.ts'
import { type Fields, type Reply, sendBytes } from '../world/send.ts'
import { JSON_TYPE, type World } from '../world/world.ts'

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

/** Headers of a proper request that say something else. */
const HEADERS = table(
  ([path, headers]: readonly [string, Fields], world, id) =>
    world.post(path, path === '/mcp' ? '{"jsonrpc":"2.0","id":1,"method":"ping"}' : BODY, {
      'x-request-id': id,
      ...headers,
    }),
  {
    'text as type': [
      ['/v1/tools/echo_say', { 'content-type': 'text/plain' }],
      '415 unsupported_media_type: Content-Type is "text/plain"; expected application/json',
    ],
    'no type': [
      ['/v1/tools/echo_say', { 'content-type': undefined }],
      '415 unsupported_media_type: Content-Type is missing; expected application/json',
    ],
    'a form': [
      ['/v1/tools/echo_say', { 'content-type': 'application/x-www-form-urlencoded' }],
      '415 unsupported_media_type: Content-Type is "application/x-www-form-urlencoded"; expected application/json',
    ],
    'several parts': [
      ['/v1/tools/echo_say', { 'content-type': 'multipart/form-data; boundary=x' }],
      '415 unsupported_media_type: Content-Type is "multipart/form-data; boundary=x"; expected application/json',
    ],
    'two types': [
      ['/v1/tools/echo_say', { 'content-type': ['application/json', 'text/plain'] }],
      '400 invalid_request: The request has the header content-type twice',
    ],
    'UTF-16': [
      ['/v1/tools/echo_say', { 'content-type': 'application/json; charset=utf-16' }],
      '400 invalid_request: The charset of the body is utf-16; expected utf-8',
    ],
    'UTF-7': [
      ['/v1/tools/echo_say', { 'content-type': 'application/json; charset=utf-7' }],
      '400 invalid_request: The charset of the body is utf-7; expected utf-8',
    ],
    latin1: [
      ['/v1/tools/echo_say', { 'content-type': 'application/json; charset=iso-8859-1' }],
      '415 unsupported_media_type: The charset of the body is "iso-8859-1"; expected utf-8',
    ],
    'JSON of another kind': [
      ['/v1/tools/echo_say', { 'content-type': 'application/problem+json' }],
      '415 unsupported_media_type: Content-Type is "application/problem+json"; expected application/json',
    ],
    'a body that claims to be compressed': [
      ['/v1/tools/echo_say', { 'content-encoding': 'gzip' }],
      '415 unsupported_media_type: The content encoding of the body is "gzip"; send the body without an encoding',
    ],
    'a body that claims to be compressed twice': [
      ['/v1/tools/echo_say', { 'content-encoding': 'gzip, br' }],
      '415 unsupported_media_type: The content encoding of the body is "gzip, br"; send the body without an encoding',
    ],
    'an encoding that is none': [
      ['/v1/tools/echo_say', { 'content-encoding': 'evil' }],
      '415 unsupported_media_type: The content encoding of the body is "evil"; send the body without an encoding',
    ],
    'the identity as encoding': [
      ['/v1/tools/echo_say', { 'content-encoding': 'identity' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'no Accept of MCP': [
      ['/mcp', { accept: undefined }],
      '400 -32600 invalid_request: Mcp-Session-Id is missing, and the request is not initialize',
    ],
    'an Accept for JSON only': [
      ['/mcp', { accept: 'application/json' }],
      '406 -32600 not_acceptable: Accept is "application/json"; it must include application/json, text/event-stream',
    ],
    'an Accept that takes anything but': [
      ['/mcp', { accept: 'application/json;q=0, text/event-stream;q=0' }],
      '406 -32600 not_acceptable: Accept is "application/json;q=0, text/event-stream;q=0"; it must include application/json, text/event-stream',
    ],
    'an Accept of 8 KB': [
      ['/mcp', { accept: 'a/b,'.repeat(2000) }],
      '406 -32600 not_acceptable: Accept is "a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,a/b,"; it must include application/json, text/event-stream',
    ],
    'a foreign origin': [
      ['/v1/tools/echo_say', { origin: 'https://evil.example' }],
      '403 host_not_allowed: The Origin header "https://evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'the origin null': [
      ['/v1/tools/echo_say', { origin: 'null' }],
      '403 host_not_allowed: The Origin header "null" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin that is none': [
      ['/v1/tools/echo_say', { origin: '::::' }],
      '403 host_not_allowed: The Origin header "::::" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin that begins alike': [
      ['/v1/tools/echo_say', { origin: 'http://localhost.evil.example' }],
      '403 host_not_allowed: The Origin header "http://localhost.evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin with our host as user': [
      ['/v1/tools/echo_say', { origin: 'http://localhost@evil.example' }],
      '403 host_not_allowed: The Origin header "http://localhost@evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin of a file': [
      ['/v1/tools/echo_say', { origin: 'file://' }],
      '403 host_not_allowed: The Origin header "file://" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'an origin over MCP': [
      ['/mcp', { origin: 'https://evil.example' }],
      '403 -31011 host_not_allowed: The Origin header "https://evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
    ],
    'a foreign host': [
      ['/v1/tools/echo_say', { host: 'evil.example' }],
      '403 host_not_allowed: The Host header "evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a host that begins alike': [
      ['/v1/tools/echo_say', { host: '127.0.0.1.evil.example' }],
      '403 host_not_allowed: The Host header "127.0.0.1.evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a host that ends alike': [
      ['/v1/tools/echo_say', { host: 'evil.example#127.0.0.1' }],
      '403 host_not_allowed: The Host header "evil.example#127.0.0.1" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a host with our name as user': [
      ['/v1/tools/echo_say', { host: 'localhost@evil.example' }],
      '403 host_not_allowed: The Host header "localhost@evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'the address of metadata as host': [
      ['/v1/tools/echo_say', { host: '169.254.169.254' }],
      '403 host_not_allowed: The Host header "169.254.169.254" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a number as host': [
      ['/v1/tools/echo_say', { host: '2130706433' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'an empty host': [
      ['/v1/tools/echo_say', { host: '' }],
      '403 host_not_allowed: The Host header "" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'a foreign host over MCP': [
      ['/mcp', { host: 'evil.example' }],
      '403 -31011 host_not_allowed: The Host header "evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
    ],
    'headers of proxies that name another tenant': [
      [
        '/v1/tools/canary_say',
        {
          'x-tenant-id': 'globex',
          'x-forwarded-for': '127.0.0.1',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-user': 'olga',
          'x-real-ip': '127.0.0.1',
          forwarded: 'for=127.0.0.1;host=evil.example',
          'x-roles': 'operator',
        },
      ],
      '404 tool_not_found: Unknown tool: canary_say',
      { records: 1 },
    ],
    'a method to use instead': [
      ['/v1/tools/echo_say', { 'x-http-method-override': 'DELETE' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'an address to use instead': [
      ['/v1/tools/echo_say', { 'x-original-url': '/v1/audit', 'x-rewrite-url': '/v1/audit' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'an agent that the token does not name': [
      ['/v1/tools/echo_say', { 'x-agent-name': 'operator' }],
      '403 agent_not_allowed: The token does not list the agent "operator" that x-agent-name asks for; the token does not list any',
    ],
    'two agents': [
      ['/v1/tools/echo_say', { 'x-agent-name': ['a', 'b'] }],
      '403 agent_not_allowed: The token does not list the agent "a, b" that x-agent-name asks for; the token does not list any',
    ],
    'an empty agent': [
      ['/v1/tools/echo_say', { 'x-agent-name': '' }],
      '403 agent_not_allowed: The token does not list the agent "" that x-agent-name asks for; the token does not list any',
    ],
    'the gateway’s own entry in Via': [
      ['/v1/tools/echo_say', { via: '1.1 tool-gateway' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'internal headers': [
      [
        '/v1/tools/hidden_say',
        { 'x-internal': '1', 'x-tool-gateway': '1', 'x-replica': '1', 'x-router-key': 'x' },
      ],
      '404 tool_not_found: Unknown tool: hidden_say',
      { records: 1 },
    ],
    'a client name of 8 KB': [
      ['/v1/tools/echo_say', { 'x-client-name': 'c'.repeat(8000) }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'a malformed trace context': [
      ['/v1/tools/echo_say', { traceparent: '00-x-y-z', tracestate: '=' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'baggage with a secret': [
      ['/v1/tools/echo_say', { baggage: 'token=S3CR3T-baggage' }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
    'a Prefer of 8 KB': [
      ['/v1/tools/echo_say', { prefer: 'wait=1,'.repeat(1000) }],
      '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
      ONE,
    ],
  },
)

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
    begun('a byte of the body a second, without a token', '401', 34_000, (socket) =>
      drip(
        socket,
        `${HEAD.replace(/Authorization.*\n/, '')}Content-Type: application/json\nContent-Length: 1000\n\n`,
        ' ',
        1000,
      ),
    ),
  ]
}

const LARGE = table(
  (body: string, world, id) => world.post('/v1/tools/echo_say', body, { ...JSON_TYPE, 'x-request-id': id }),
  {
    'a body of 5 MB': [
      `{"arguments":{"a":"${'x'.repeat(5 * 1024 * 1024)}"}}`,
      '413 payload_too_large: The body has 5242902 bytes; MAX_BODY_BYTES is 4194304',
    ],
    'a body of 4 MB that is a text': [
      `{"arguments":{"a":"${'x'.repeat(4_000_000)}"}}`,
      '200 {"content":[{"type":"text","text":"{\\"a\\":\\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ONE,
    ],
  },
)

/** HTTP itself. */
export const http: Family = {
  name: 'HTTP',
  rows: (world) => {
    const begun = slow(world)
    return [...SMUGGLED, ...HEADERS, ...LARGE, ...begun]
  },
}
