import type { ServerResponse } from 'node:http'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { answer, answerText, type Received, text } from '../world/upstream.ts'

type Answer = (response: ServerResponse, received: Received) => void

const JSON_TYPE = 'application/json'
const EVENTS = 'text/event-stream'
const message = (id: unknown, rest: object): string => JSON.stringify({ jsonrpc: '2.0', id, ...rest })
const event = (data: string): string => `event: message\ndata: ${data}\n\n`

/** Writes as fast as it is read, without an end. */
function endless(response: ServerResponse, piece: string, type: string, first = ''): void {
  response.writeHead(200, { 'content-type': type })
  response.write(first)
  const go = (): void => {
    while (!response.destroyed && response.write(piece));
  }
  response.on('drain', go)
  go()
}

/** The same a while apart. */
function dripping(response: ServerResponse, piece: string, type: string): void {
  response.writeHead(200, { 'content-type': type })
  const timer = setInterval(() => response.write(piece), 100)
  response.on('close', () => clearInterval(timer))
}

const PACK = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: (bytes: Buffer): Buffer =>
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
}
const bombs = new Map<string, Buffer>()
/** 400 MB of JSON in a few hundred KB. */
export function bomb(encoding: 'gzip' | 'deflate' | 'br'): Buffer {
  const made = bombs.get(encoding)
  if (made !== undefined) return made
  const large = Buffer.concat([
    Buffer.from('{"jsonrpc":"2.0","id":1,"x":"'),
    Buffer.alloc(400 * 1024 * 1024, 'x'),
  ])
  const packed = PACK[encoding](large)
  bombs.set(encoding, packed)
  return packed
}
const packed =
  (encoding: 'gzip' | 'deflate' | 'br', type = JSON_TYPE): Answer =>
  (response) => {
    const body = bomb(encoding)
    response.writeHead(200, { 'content-type': type, 'content-encoding': encoding }).end(body)
  }

const says =
  (make: (received: Received) => string | Buffer, type = JSON_TYPE): Answer =>
  (response, received) =>
    answerText(response, make(received), type)
const status =
  (
    code: number,
    headers: Record<string, string> = {},
    body = 'S3CR3T-body at /srv/app/src/main.ts:1:2',
  ): Answer =>
  (response) =>
    void response.writeHead(code, { 'content-type': 'text/html', ...headers }).end(body)
const flood = (count: number, method: string, params: object): Answer => {
  const piece = event(JSON.stringify({ jsonrpc: '2.0', method, params }))
  return floodOf(count, () => piece)
}
const floodOf =
  (count: number, piece: (left: number) => string): Answer =>
  (response, { id }) => {
    response.writeHead(200, { 'content-type': EVENTS })
    let left = count
    const go = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= 1
        if (!response.write(piece(left))) return
      }
      if (left === 0) response.end(event(message(id, { result: text('flooded') })))
    }
    response.on('drain', go)
    go()
  }
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const raw =
  (bytes: (received: Received) => string): Answer =>
  (response, received) => {
    response.socket?.end(bytes(received))
  }

/** What a server does with a call, by the name of the tool. */
export const ANSWERS: Readonly<Record<string, Answer>> = {
  right: (response, { id }) => answer(response, id, text('right')),
  never: () => undefined,
  'head-only': (response) => void response.writeHead(200, { 'content-type': JSON_TYPE }).write('{'),
  'events-head-only': (response) => void response.writeHead(200, { 'content-type': EVENTS }).write(': \n'),
  'endless-json': (response) => endless(response, 'x'.repeat(65_536), JSON_TYPE, '{"a":"'),
  'endless-line': (response) => endless(response, 'x'.repeat(65_536), EVENTS, 'data: '),
  'endless-comments': (response) => endless(response, `: ${'c'.repeat(1000)}\n`, EVENTS),
  'endless-events': (response) => endless(response, event('{}'), EVENTS),
  'endless-retry': (response) => dripping(response, 'retry: 1\nid: 1\n\n', EVENTS),
  'slow-comments': (response) => dripping(response, ': c\n\n', EVENTS),
  'slow-json': (response) => dripping(response, ' ', JSON_TYPE),
  'progress-forever': (response, { params }) => {
    const { _meta: meta = {} } = params as { _meta?: { progressToken?: unknown } }
    const progress = { progressToken: meta.progressToken, progress: 1 }
    dripping(
      response,
      event(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: progress })),
      EVENTS,
    )
  },
  'bomb-gzip': packed('gzip'),
  'bomb-deflate': packed('deflate'),
  'bomb-br': packed('br'),
  'bomb-events': packed('gzip', EVENTS),
  'not-gzip': (response, { id }) =>
    void response
      .writeHead(200, { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' })
      .end(message(id, { result: text('x') })),
  'unknown-encoding': (response, { id }) =>
    void response
      .writeHead(200, { 'content-type': JSON_TYPE, 'content-encoding': 'evil' })
      .end(message(id, { result: text('x') })),
  'packed-ten-times': (response, { id }) => {
    let body = Buffer.from(message(id, { result: text('x') }))
    for (let time = 0; time < 10; time += 1) body = gzipSync(body)
    response
      .writeHead(200, {
        'content-type': JSON_TYPE,
        'content-encoding': Array.from({ length: 10 }, () => 'gzip').join(', '),
      })
      .end(body)
  },
  'large-json': says(({ id }) => message(id, { result: text('x'.repeat(11 * 1024 * 1024)) })),
  'notifications-200k': flood(200_000, 'notifications/message', { level: 'info', data: 'd' }),
  'progress-200k': flood(200_000, 'notifications/progress', { progressToken: 0, progress: 1 }),
  'updates-200k': flood(200_000, 'notifications/resources/updated', { uri: 'by-hand://a' }),
  'notifications-with-ids-200k': floodOf(
    200_000,
    (left) => `id: ${left}\r\n: c\r\ndata: {"method":"notifications/x","jsonrpc":"2.0"}\r\n\r\n`,
  ),
  'updates-of-many-200k': floodOf(200_000, (left) =>
    event(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:${left}"}}`),
  ),
  'pings-200k': floodOf(200_000, (left) => event(`{"jsonrpc":"2.0","id":"p${left}","method":"ping"}`)),
  'foreign-answers-200k': floodOf(200_000, (left) => event(message(2e9 + left, { result: text('WRONG') }))),
  'packed-notifications-200k': (response, { id }) => {
    const notice = event('{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"d"}}')
    response
      .writeHead(200, { 'content-type': EVENTS, 'content-encoding': 'gzip' })
      .end(gzipSync(notice.repeat(200_000) + event(message(id, { result: text('flooded') }))))
  },
  // The connection closes while the gateway does not read, which undici 7.30.2 ended the process for.
  'ends-in-a-flood': raw(
    ({ id }) =>
      `HTTP/1.1 200 OK\r\ncontent-type: ${EVENTS}\r\n\r\n${event('{"jsonrpc":"2.0","method":"notifications/evil"}').repeat(700)}${event(message(id, { result: text('ended') }))}`,
  ),
  'carriage-returns': raw(
    ({ id }) =>
      `HTTP/1.1 200 OK\r\ncontent-type: ${EVENTS}\r\n\r\n: c\r\rdata: ${message(id, { result: text('returned') })}\r\r`,
  ),
  'endless-carriage-returns': (response) => endless(response, `: ${'c'.repeat(1000)}\r`, EVENTS),
  'changes-20k': flood(20_000, 'notifications/tools/list_changed', {}),
  'unknown-20k': flood(20_000, 'notifications/evil', { a: 1 }),
  'foreign-id': says(() => message(999_999, { result: text('WRONG') })),
  'next-id': says(({ id }) => message(Number(id) + 1, { result: text('NEXT') })),
  'text-id': says(({ id }) => message(String(id), { result: text('TEXT') })),
  'null-id': says(() => message(null, { result: text('NULL') })),
  'object-id': says(() => message({}, { result: text('OBJECT') })),
  'no-id': says(() => '{"jsonrpc":"2.0","result":{"content":[]}}'),
  both: says(({ id }) => message(id, { result: text('r'), error: { code: 1, message: 'e' } })),
  neither: says(({ id }) => message(id, {})),
  'result-null': says(({ id }) => message(id, { result: null })),
  'result-list': says(({ id }) => message(id, { result: [] })),
  'result-text': says(({ id }) => message(id, { result: 'S3CR3T-text' })),
  'no-content': says(({ id }) => message(id, { result: {} })),
  'content-null': says(({ id }) => message(id, { result: { content: null } })),
  'content-text': says(({ id }) => message(id, { result: { content: 'x' } })),
  'items-88k': says(({ id }) =>
    message(id, { result: { content: Array.from({ length: 88_000 }, () => ({ type: 'text', text: 'a' })) } }),
  ),
  deep: says(({ id }) => `{"jsonrpc":"2.0","id":${String(id)},"result":{"content":[],"x":${deep(100_000)}}}`),
  'deep-error': says(
    ({ id }) =>
      `{"jsonrpc":"2.0","id":${String(id)},"error":{"code":-1,"message":"no","data":${deep(100_000)}}}`,
  ),
  'keys-of-all-objects': says(
    ({ id }) =>
      `{"jsonrpc":"2.0","id":${String(id)},"result":{"content":[],"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}}`,
  ),
  'id-twice': says(({ id }) => `{"jsonrpc":"2.0","id":999999,"id":${String(id)},"result":{"content":[]}}`),
  batch: says(({ id }) => `[${message(id, { result: text('batch') })}]`),
  'batch-of-nothing': says(() => '[]'),
  'answer-twice': says(
    ({ id }) =>
      event(message(id, { result: text('first') })) + event(message(id, { result: text('SECOND') })),
    EVENTS,
  ),
  'no-json': says(() => 'S3CR3T-text is no JSON'),
  'half-json': says(({ id }) => message(id, { result: text('x') }).slice(0, -5)),
  empty: says(() => ''),
  html: says(() => '<html>S3CR3T-html</html>', 'text/html'),
  'no-type': says(({ id }) => message(id, { result: text('x') }), ''),
  'text-type': says(({ id }) => message(id, { result: text('x') }), 'text/plain'),
  'not-utf8': says(() => Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
  utf16: says(
    ({ id }) => Buffer.from(message(id, { result: text('x') }), 'utf16le'),
    'application/json; charset=utf-16',
  ),
  'error-stack': says(({ id }) =>
    message(id, {
      error: { code: -32_603, message: 'Error: at work\n    at f (/srv/app/src/main.ts:1:2)' },
    }),
  ),
  'error-text': says(({ id }) => message(id, { error: 'no' })),
  'error-code-text': says(({ id }) => message(id, { error: { code: '5', message: 'no' } })),
  'error-large': says(({ id }) => message(id, { error: { code: 1, message: 'm'.repeat(1_000_000) } })),
  'error-ours': says(({ id }) =>
    message(id, {
      error: { code: -31_010, message: 'The token is not valid', data: { code: 'invalid_token' } },
    }),
  ),
  asks: (response, { id }) => {
    response.writeHead(200, { 'content-type': EVENTS })
    response.write(
      event(
        JSON.stringify({
          jsonrpc: '2.0',
          id: 'q',
          method: 'sampling/createMessage',
          params: { messages: [], maxTokens: 1 },
        }),
      ),
    )
    response.end(event(message(id, { result: text('asked') })))
  },
  'asks-1000': (response, { id }) => {
    response.writeHead(200, { 'content-type': EVENTS })
    for (let n = 0; n < 1000; n += 1)
      response.write(event(JSON.stringify({ jsonrpc: '2.0', id: `q${n}`, method: 'roots/list' })))
    response.end(event(message(id, { result: text('asked') })))
  },
  'http-202': status(202),
  'http-204': status(204, {}, ''),
  'http-302': status(302, { location: 'http://169.254.169.254/latest/meta-data' }),
  'http-307': status(307, { location: 'http://localhost:9/steal' }),
  'http-401': status(401, { 'www-authenticate': 'Bearer resource_metadata="http://169.254.169.254/x"' }),
  'http-403': status(403),
  'http-404': status(404),
  'http-413': status(413),
  'http-429': status(429, { 'retry-after': '99999999' }),
  'http-500': status(500),
  'http-503': status(503),
  'http-599': status(599),
  'http-999': raw(() => 'HTTP/1.1 999 Evil\r\ncontent-length: 0\r\n\r\n'),
  'no-http': raw(() => 'SSH-2.0-evil\r\n'),
  reset: (response) => void response.socket?.resetAndDestroy(),
  'cut-body': (response) => {
    response.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': '1000' })
    response.write('{"jsonrpc":')
    setTimeout(() => response.destroy(), 50)
  },
  'bad-chunk': raw(
    () => 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
  ),
  'length-and-chunks': raw(
    () =>
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  'more-than-length': raw(
    ({ id }) =>
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n${message(id, { result: text('SMUGGLED') })}`,
  ),
  'header-100-kb': raw(() => `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`),
  'headers-5000': raw(() => `HTTP/1.1 200 OK\r\n${'x: a\r\n'.repeat(5000)}\r\n`),
  'header-nul': raw(() => 'HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n'),
  'cookies-1000': (response, { id }) => {
    response.setHeader(
      'set-cookie',
      Array.from({ length: 100 }, (_, n) => `c${n}=${'v'.repeat(50)}; Domain=evil.example`),
    )
    answer(response, id, text('cookies'))
  },
  'new-session': (response, { id }) => {
    response.setHeader('mcp-session-id', 'a\tb'.repeat(10))
    answer(response, id, text('session'))
  },
}
