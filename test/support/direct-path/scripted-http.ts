import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { isJsonObject } from '../../../src/domain/json/json.ts'
import { DEEP_RESULT, RAW_RESULTS } from './scripted-results.ts'

type Fields = Record<string, unknown>

/** One call as the server got it. */
export interface Received {
  readonly method: string
  readonly params: Fields
  readonly headers: Fields
}

/** A server written by hand whose answer to a call depends on the name of its target. */
export interface ScriptedServer {
  readonly url: string
  /** Calls since they were last taken. */
  readonly take: () => Received[]
  /** How many notifications of a cancelled request came. */
  readonly cancelled: () => number
  /** Calls of `hold` that have come, and whose client has not gone away. */
  readonly held: () => number
  readonly close: () => Promise<void>
}

const CALLS = new Set(['tools/call', 'prompts/get', 'resources/read'])
const LOG = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'log' } }
const VENDOR = { jsonrpc: '2.0', method: 'notifications/vendor', params: { a: 'é', x: { y: 1 } } }
const SERVER_INFO = { name: 'scripted', version: '1' }
const CAPABILITIES = { tools: {}, prompts: {}, resources: {}, logging: {} }

type Script = (response: ServerResponse, id: unknown, params: Fields) => unknown

function json(response: ServerResponse, body: string | Buffer, status = 200, headers: Fields = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...(headers as object) }).end(body)
}

function events(response: ServerResponse, ...texts: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(texts.join(''))
}

const event = (message: unknown): string => `event: message\ndata: ${JSON.stringify(message)}\n\n`

/** The result that a call asks for: text of its own or its arguments, filled up to a size. */
function resultText(params: Fields): string {
  const given = params['arguments'] ?? params['x-answer']
  const args = isJsonObject(given) ? given : {}
  const raw = RAW_RESULTS[Number(args['raw'] ?? -1)]
  const pad = 'é\\"'.repeat(Math.min(Number(args['pad'] ?? 0) || 0, 400_000) / 4)
  const { result = { content: [{ type: 'text', text: 'fine' }] } } = args
  const text = raw ?? JSON.stringify(result)
  if (pad === '' || !text.startsWith('{')) return text
  return `{"pad":${JSON.stringify(pad)}${text === '{}' ? '' : ','}${text.slice(1)}`
}

const answerText = (id: unknown, params: Fields): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${resultText(params)}}`

function rpcError(id: unknown, params: Fields): string {
  const args = isJsonObject(params['arguments']) ? params['arguments'] : {}
  const error = {
    code: args['code'] ?? -32_603,
    message: 'no: é',
    ...('data' in args && { data: args['data'] }),
  }
  return JSON.stringify({ jsonrpc: '2.0', id, error })
}

function refusing(status: number): Script {
  return (response) => response.writeHead(status, { 'content-type': 'text/plain' }).end(`no ${status}`)
}

/** What the server does with a call, by the name of the target. */
export const SCRIPTS: Readonly<Record<string, Script>> = {
  plain: (response, id, params) => json(response, answerText(id, params)),
  stamped: (response, id, params) => json(response, answerText(id, params)),
  listed: (response, id, params) => json(response, answerText(id, params)),
  typed: (response, id, params) =>
    json(response, answerText(id, params), 200, { 'content-type': 'Application/JSON; charset=utf-8' }),
  stream: (response, id, params) => events(response, `data: ${answerText(id, params)}\n\n`),
  framed: (response, id, params) =>
    events(response, ': hi\r\n\r\n', `event: message\r\ndata:${answerText(id, params)}\r\n\r\n`, ': bye\n\n'),
  typedevents: (response, id, params) =>
    events(response, 'event: other\ndata: {"x":1}\n\n', `data: ${answerText(id, params)}\n\n`),
  notified: (response, id, params) =>
    events(response, event(LOG), event(VENDOR), `data: ${answerText(id, params)}\n\n`),
  notifiederror: (response, id, params) =>
    events(response, event(VENDOR), `data: ${rpcError(id, params)}\n\n`),
  pieces: async (response, id, params) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const all = Buffer.from(`data: ${answerText(id, params)}\n\n`)
    for (let at = 0; at < Math.min(all.length, 300); at += 7) {
      response.write(all.subarray(at, at + 7))
      await turn()
    }
    const rest = Math.ceil(Math.min(all.length, 300) / 7) * 7
    response.end(all.subarray(rest))
  },
  twice: (response, id, params) =>
    events(response, `data: ${answerText(id, {})}\n\n`, `data: ${answerText(id, params)}\n\n`),
  foreign: (response, id, params) =>
    events(response, `data: ${answerText('another', params)}\n\n`, `data: ${answerText(id, params)}\n\n`),
  chatter: (response, id, params) =>
    events(response, 'data: starting\n\ndata: {}\n\ndata: 5\n\n', `data: ${answerText(id, params)}\n\n`),
  brokenfirst: (response, id, params) =>
    events(response, `data: {"jsonrpc":"2.0","result":{"a":NaN}}\n\n`, `data: ${answerText(id, params)}\n\n`),
  asks: (response, id, params) =>
    events(
      response,
      event({ jsonrpc: '2.0', id: 'q', method: 'ping' }),
      `data: ${answerText(id, params)}\n\n`,
    ),
  idastext: (response, id, params) => json(response, answerText(String(id), params)),
  otherid: (response, _id, params) => json(response, answerText(7, params)),
  noid: (response, _id, params) => json(response, `{"jsonrpc":"2.0","result":${resultText(params)}}`),
  nulls: (response, id, params) => json(response, `${answerText(id, params).slice(0, -1)},"error":null}`),
  both: (response, id, params) =>
    json(response, `${answerText(id, params).slice(0, -1)},"error":{"code":-1,"message":"both"}}`),
  batch: (response, id, params) => json(response, `[${answerText(id, params)}]`),
  rpc: (response, id, params) => json(response, rpcError(id, params)),
  rpcstream: (response, id, params) => events(response, `data: ${rpcError(id, params)}\n\n`),
  rpc400: (response, id, params) => json(response, rpcError(id, params), 400),
  rpc404: (response, id, params) => json(response, rpcError(id, params), 404),
  rpc500: (response, id, params) => json(response, rpcError(id, params), 500),
  ...Object.fromEntries(
    [400, 401, 403, 404, 409, 429, 500, 501, 502, 503, 504].map((status) => [
      `http${status}`,
      refusing(status),
    ]),
  ),
  accepted: (response) => response.writeHead(202).end(),
  nothing: (response) => response.writeHead(204).end(),
  empty: (response) => json(response, ''),
  emptystream: (response) => events(response),
  page: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
  untyped: (response, id, params) => response.writeHead(200).end(answerText(id, params)),
  zipped: (response, id, params) =>
    json(response, gzipSync(answerText(id, params)), 200, { 'content-encoding': 'gzip' }),
  marked: (response, id, params) => json(response, `\uFEFF${answerText(id, params)}`),
  broken: (response, id) => json(response, `{"jsonrpc":"2.0","id":${String(id)},"result":{"a":NaN}}`),
  brokenstream: (response, id) =>
    events(response, `data: {"jsonrpc":"2.0","id":${String(id)},"result":{"a":NaN}}\n\n`),
  half: (response, id, params) => json(response, answerText(id, params).slice(0, -1)),
  notutf8: (response, id) =>
    json(response, Buffer.from(`{"jsonrpc":"2.0","id":${String(id)},"result":{"a":"\xff"}}`, 'latin1')),
  deep: (response, id) => json(response, `{"jsonrpc":"2.0","id":${String(id)},"result":${DEEP_RESULT}}`),
  huge: (response, id) =>
    json(response, `{"jsonrpc":"2.0","id":${String(id)},"result":{"a":"${'x'.repeat(600_000)}"}}`),
  hugestream: (response, id) =>
    events(
      response,
      `data: {"jsonrpc":"2.0","id":${String(id)},"result":{"a":"${'x'.repeat(600_000)}"}}\n\n`,
    ),
  cut: async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event(VENDOR))
    await turn()
    response.write('data: {"jsonrpc":"2.0"')
    await turn()
    response.end()
  },
  torn: async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event(VENDOR))
    await turn()
    response.destroy()
  },
  short: (response, id, params) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' })
    response.write(answerText(id, params).slice(0, 50), () => response.destroy())
  },
  hold: () => undefined,
  slow: () => undefined,
}

/** Starts a server of one era; what it lists are its scripts. */
export async function scriptedServer(era: 'legacy' | 'modern'): Promise<ScriptedServer> {
  let received: Received[] = []
  let cancelled = 0
  let held = 0
  const countIfHeld = (name: string, response: ServerResponse): void => {
    if (name !== 'hold') return
    held += 1
    response.once('close', () => (held -= 1))
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    if (request.method !== 'POST') return response.writeHead(request.method === 'DELETE' ? 200 : 405).end()
    const body = await textOf(request)
    const { id, method, params = {} } = JSON.parse(body) as { id?: unknown; method: string; params?: Fields }
    if (method === 'notifications/cancelled') cancelled += 1
    if (id === undefined) return response.writeHead(202).end()
    if (!CALLS.has(method)) return json(response, openingAnswer(era, id, method))
    received.push({ method, params, headers: { ...request.headers } })
    const name = String(params['name'] ?? params['uri']).replace('raw://', '')
    if (name === 'redirected' && request.url === '/mcp')
      return response.writeHead(307, { location: '/moved' }).end()
    countIfHeld(name, response)
    return SCRIPTS[name === 'redirected' ? 'plain' : name]?.(response, id, params)
  }
  const server = createServer((request, response) => {
    if (era === 'legacy') response.setHeader('mcp-session-id', 's1')
    void answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    take: () => {
      const taken = received
      received = []
      return taken
    },
    cancelled: () => cancelled,
    held: () => held,
    close: async () => {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  }
}

const NAMES = [...Object.keys(SCRIPTS), 'redirected']
const STAMPED = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } }
const LISTS: Readonly<Record<string, Fields>> = {
  'tools/list': {
    tools: NAMES.map((name) => ({
      name,
      inputSchema: name === 'stamped' ? STAMPED : { type: 'object' },
      ...(name === 'listed' && { outputSchema: { type: 'array' } }),
      ...(name === 'plain' && { execution: { taskSupport: 'forbidden' } }),
    })),
  },
  'prompts/list': { prompts: NAMES.map((name) => ({ name })) },
  'resources/list': { resources: NAMES.map((name) => ({ name, uri: `raw://${name}` })) },
  'resources/templates/list': { resourceTemplates: [] },
  ping: {},
}

function openingAnswer(era: 'legacy' | 'modern', id: unknown, method: string): string {
  const shared = { capabilities: CAPABILITIES }
  const opening: Readonly<Record<string, Fields>> =
    era === 'legacy'
      ? { initialize: { ...shared, protocolVersion: '2025-11-25', serverInfo: SERVER_INFO } }
      : {
          'server/discover': {
            ...shared,
            supportedVersions: ['2026-07-28'],
            resultType: 'complete',
            ttlMs: 0,
            cacheScope: 'private',
            _meta: { 'io.modelcontextprotocol/serverInfo': SERVER_INFO },
          },
        }
  const results: Readonly<Record<string, Fields>> = { ...LISTS, ...opening }
  const result = results[method]
  const error = { code: -32_601, message: 'unknown' }
  return JSON.stringify({ jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) })
}
