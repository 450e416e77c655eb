import { createServer, type IncomingMessage } from 'node:http'
import { duplexPair } from 'node:stream'
import { directHead, type DirectHead } from '../../../src/http/direct/direct-head.ts'
import { allowedHost } from '../../../src/http/middleware/head-checks.ts'
import { broken, type Target } from '../target.ts'

const HEAD = 'Host: h\r\nAuthorization: Bearer t.o.k\r\nContent-Type: application/json\r\n'
const MCP = `${HEAD}Accept: application/json, text/event-stream\r\nContent-Length: 2\r\n\r\n{}`
/** The direct path asks it as well. */
const isServed = allowedHost(['h'])
const ONCE = ['host', 'authorization', 'content-type', 'content-length']

/** The heads of requests, as Node's parser reads them. */
export const directHeads: Target = {
  name: 'direct-heads',
  guarantee:
    'the direct path takes only heads that mean one thing, and reads the token, path and length as everybody does',
  code: ['http/direct/direct-head.ts', 'http/middleware/head-checks.ts'],
  seeds: [
    `POST /mcp HTTP/1.1\r\n${MCP}`,
    `POST /mcp/files-2 HTTP/1.1\r\n${MCP}`,
    `POST /v1/tools/files_read HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`,
    `POST /messages?replica=1&sessionId=01234567-89ab-cdef-0123-456789abcdef HTTP/1.1\r\n${MCP}`,
  ],
  words: [
    '\r\n',
    'Host: x\r\n',
    'Authorization: Bearer x\r\n',
    'authorization: Bearer y\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Origin: x\r\n',
    'X-Agent-Name: y\r\n',
    'Bearer ',
    '%2f',
    '..',
    '?x=1',
    '/mcp',
    'http://h/mcp',
    ',',
    '\t',
    ' ',
    '\0',
    '\u0080',
    '0x2',
    '2, 2',
    '+2',
  ],
  async check(input) {
    const request = await received(input)
    const head = request === undefined ? undefined : directHead(request)
    if (request !== undefined && head !== undefined && isServed(request.headers.host))
      checkHead(request, head)
  },
}

function checkHead(request: IncomingMessage, head: DirectHead): void {
  const { rawHeaders, headers, url = '' } = request
  const fields = rawHeaders.filter((_field, index) => index % 2 === 0).map((field) => field.toLowerCase())
  for (const name of ONCE)
    if (fields.filter((field) => field === name).length !== 1)
      broken(`a head was taken that has not one ${name}`)
  if (new URL(url, 'http://h').pathname !== url.split('?')[0]) broken('a path means another one')
  if (head.path !== url) broken('another path was read')
  const length = Number.parseInt(String(headers['content-length']), 10)
  if (head.length !== length) broken('another length was read')
  // As the general path reads it.
  if (/^Bearer +([^\s,]+) *$/i.exec(String(headers.authorization))?.[1] !== head.token)
    broken('another token was read')
  if (fields.includes('transfer-encoding')) broken('a head was taken whose body is in chunks')
}

/** What Node makes of the bytes; undefined if it refuses them, or waits for more. */
function received(bytes: Buffer): Promise<IncomingMessage | undefined> {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | undefined>()
  const server = createServer((request) => resolve(request))
  server.on('clientError', () => resolve(undefined))
  const [client, socket] = duplexPair()
  server.emit('connection', socket)
  client.on('error', () => undefined)
  socket.on('error', () => undefined)
  client.end(bytes, () => setImmediate(() => setImmediate(() => resolve(undefined))))
  return promise.finally(() => socket.destroy())
}
