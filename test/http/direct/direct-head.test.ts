import type { IncomingMessage } from 'node:http'
import { expect, test } from '@jest/globals'
import { directHead } from '../../../src/http/direct/direct-head.ts'

type Headers = Readonly<Record<string, string | undefined>>

interface Head {
  readonly method?: string
  readonly url?: string
  readonly headers?: Headers
  /** Fields beside those of `headers`, as they came. */
  readonly raw?: readonly string[]
}

const USUAL: Headers = {
  host: '127.0.0.1',
  authorization: 'Bearer t.o.k',
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'content-length': '12',
}

function read({
  method = 'POST',
  url = '/mcp',
  headers = {},
  raw = [],
}: Head): ReturnType<typeof directHead> {
  const all = Object.entries({ ...USUAL, ...headers }).filter(([, value]) => value !== undefined)
  const request = { method, url, headers: Object.fromEntries(all), rawHeaders: [...all.flat(), ...raw] }
  return directHead(request as unknown as IncomingMessage)
}

const MCP = { scope: undefined, toolId: undefined, token: 't.o.k', length: 12 }

test.each<[string, Head, object]>([
  ['MCP', {}, { ...MCP, path: '/mcp' }],
  ['MCP of one server', { url: '/mcp/files-2' }, { ...MCP, path: '/mcp/files-2', scope: 'files-2' }],
  [
    'a tool',
    { url: '/v1/tools/files_read.All-1', headers: { accept: undefined } },
    { ...MCP, path: '/v1/tools/files_read.All-1', toolId: 'files_read.All-1' },
  ],
  ['a tool, with any answer', { url: '/v1/tools/x', headers: { accept: '*/*' } }, { toolId: 'x' }],
  ['a tool, with JSON', { url: '/v1/tools/x', headers: { accept: 'application/json' } }, { toolId: 'x' }],
  ['the charset', { headers: { 'content-type': 'application/json; charset=utf-8' } }, MCP],
  ['64 KiB', { headers: { 'content-length': '65536' } }, { length: 65_536 }],
  [
    'headers that mean nothing here',
    { headers: { 'x-client-name': 'a', traceparent: 'b', cookie: 'c' } },
    MCP,
  ],
])('a request may take the direct path: %s', (_what, head, expected) => {
  expect(read(head)).toMatchObject(expected)
})

test.each<[string, Head]>([
  ['GET', { method: 'GET' }],
  ['DELETE', { method: 'DELETE' }],
  ['OPTIONS', { method: 'OPTIONS' }],
  ['another path', { url: '/v1/tools' }],
  ['a path below', { url: '/mcp/files/x' }],
  ['a path with a slash at its end', { url: '/mcp/' }],
  ['a path in another case', { url: '/MCP' }],
  ['a query', { url: '/mcp?x=1' }],
  ['a whole address', { url: 'http://127.0.0.1/mcp' }],
  ['a server that cannot be', { url: '/mcp/Files' }],
  ['a server with an escape', { url: '/mcp/a%62' }],
  ['a tool with an escape', { url: '/v1/tools/a%62' }],
  ['a tool that is too long', { url: `/v1/tools/${'x'.repeat(201)}` }],
  ['the WebSocket endpoint', { url: '/ws' }],
  ['no token', { headers: { authorization: undefined } }],
  ['another scheme', { headers: { authorization: 'Basic abc' } }],
  ['the scheme in another case', { headers: { authorization: 'bearer t.o.k' } }],
  ['two tokens', { headers: { authorization: 'Bearer a, Bearer b' } }],
  ['a token with a blank', { headers: { authorization: 'Bearer a b' } }],
  ['an empty token', { headers: { authorization: 'Bearer ' } }],
  ['a second token header', { raw: ['Authorization', 'Bearer other'] }],
  ['a second host', { raw: ['Host', 'other'] }],
  ['a second content type', { raw: ['content-type', 'text/plain'] }],
  ['too many headers', { raw: Array.from({ length: 200 }, (_, index) => `x-${index}`) }],
  ['no content type', { headers: { 'content-type': undefined } }],
  ['text', { headers: { 'content-type': 'text/plain' } }],
  ['another charset', { headers: { 'content-type': 'application/json; charset=latin1' } }],
  ['the charset in another spelling', { headers: { 'content-type': 'application/json;charset=UTF8' } }],
  ['MCP that accepts JSON only', { headers: { accept: 'application/json' } }],
  ['MCP that accepts anything', { headers: { accept: '*/*' } }],
  ['MCP that says nothing', { headers: { accept: undefined } }],
  ['a tool whose answer is to be a stream', { url: '/v1/tools/x', headers: { accept: 'text/event-stream' } }],
  ['a tool whose answer is to be a page', { url: '/v1/tools/x', headers: { accept: 'text/html' } }],
  ['no length', { headers: { 'content-length': undefined } }],
  ['an empty body', { headers: { 'content-length': '0' } }],
  ['a large body', { headers: { 'content-length': '65537' } }],
  ['a page of a browser', { headers: { origin: 'http://127.0.0.1' } }],
  ['a proxy, which may be a loop', { headers: { via: '1.1 x' } }],
  ['chunks', { headers: { 'transfer-encoding': 'chunked' } }],
  ['a compressed body', { headers: { 'content-encoding': 'gzip' } }],
  ['a question before the body', { headers: { expect: '100-continue' } }],
  ['an upgrade', { headers: { upgrade: 'websocket' } }],
  ['a preference', { headers: { prefer: 'respond-async' } }],
  ['a stream that goes on', { headers: { 'last-event-id': '1' } }],
  ['an agent', { headers: { 'x-agent-name': 'planner' } }],
])('a request is for the general path: %s', (_what, head) => {
  expect(read(head)).toBeUndefined()
})
