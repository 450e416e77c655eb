import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from '@jest/globals'
import { connectionFailure } from '../../../src/upstream/connection/opening/unreachable.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen, sseHttp } from '../../support/upstreams/sample-http.ts'
import { eventually } from '../../support/eventually.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { callTool, type Connected, Connecting } from './connecting.ts'

const connecting = new Connecting()
const upstreams: HttpUpstream[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

async function started(listener: Listener): Promise<HttpUpstream> {
  const upstream = await listen(listener)
  upstreams.push(upstream)
  return upstream
}

function open(url: string, fields: Record<string, unknown> = {}): Promise<Connected> {
  return connecting.open(definitionOf({ transport: 'streamable-http', url, era: 'legacy', ...fields }))
}

describe('an answer to a call that is none', () => {
  const answering = async (
    type: string,
    answer: (response: ServerResponse, id: unknown) => void,
  ): Promise<unknown> => {
    const upstream = await started((request, response) =>
      rawLegacy(request, response, (called, id) => {
        called.writeHead(200, { 'content-type': type })
        answer(called, id)
      }),
    )
    const { connection } = await open(upstream.url)
    return callTool(connection, 'x').catch((error: unknown) => error)
  }

  test.each([
    ['NaN', (id: unknown) => `{"jsonrpc":"2.0","id":${String(id)},"result":{"score":NaN}}`],
    [
      'a result before its id',
      (id: unknown) => `{"result":{"score":NaN},"jsonrpc":"2.0","id":${String(id)}}`,
    ],
    [
      'an error that is null',
      (id: unknown) => `{"jsonrpc":"2.0","id":${String(id)},"result":{},"error":null}`,
    ],
    ['the id as text', (id: unknown) => `{"jsonrpc":"2.0","id":"${String(id)}","result":{"score":Infinity}}`],
  ])('fails it at once although the event stream stays open: %s', async (_what, body) => {
    const failure = await answering('text/event-stream', (response, id) =>
      response.write(`: hi\n\ndata: ${body(id)}\n\n`),
    )
    expect(failure).toMatchObject({ code: 'upstream_bad_response', facts: { mayHaveExecuted: true } })
  })

  test('fails it as what it was when the event stream ends with it', async () => {
    const failure = await answering('text/event-stream', (response, id) =>
      response.end(`data: {"jsonrpc":"2.0","id":${String(id)},"result":NaN}\n\n`),
    )
    expect(failure).toMatchObject({ code: 'upstream_bad_response' })
  })

  test('is not seen in what comes before the answer', async () => {
    const result = await answering('text/event-stream', (response, id) =>
      response.write(
        `data: starting\n\ndata: {}\n\ndata: {"jsonrpc":"2.0","id":${String(id)},"result":{"a":1}}\n\n`,
      ),
    )
    expect(result).toEqual({ a: 1 })
  })

  test('is not seen in a body with a mark in front, or with null for what is not there', async () => {
    const result = await answering('application/json', (response, id) =>
      response.end(`\uFEFF{"jsonrpc":"2.0","id":${String(id)},"result":{"a":1},"error":null}`),
    )
    expect(result).toEqual({ a: 1 })
  })
})

describe('a server whose transport has to be found out', () => {
  const refusals: [string, Listener][] = [
    ...[400, 403, 404, 405, 406, 410, 415, 422, 501].map((status): [string, Listener] => [
      `HTTP ${status}`,
      (_request, response) => response.writeHead(status).end(),
    ]),
    ['HTTP 202', (_request, response) => response.writeHead(202).end('Accepted')],
    ['HTTP 204', (_request, response) => response.writeHead(204).end()],
    ['nothing', (_request, response) => response.writeHead(200).end()],
    ['a page', (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    [
      'a stream of its own',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('event: endpoint\ndata: /messages?sessionId=x\n\n')
      },
    ],
  ]

  test.each(refusals)('is tried over HTTP+SSE when it answers a message with %s', async (_what, refuse) => {
    const sse = await sseHttp()
    upstreams.push(sse)
    const upstream = await started(async (request, response) => {
      if (request.method === 'POST' && request.url === '/mcp') {
        await text(request)
        return refuse(request, response)
      }
      return response.writeHead(307, { location: `http://127.0.0.1:${sse.port}${request.url ?? ''}` }).end()
    })
    const tried = open(upstream.url, { transport: 'http' })
    await expect(tried).rejects.toThrow(/^over Streamable HTTP its? .+; over HTTP\+SSE it redirects to http/)
    expect(sse.seen).toEqual([])
  })

  test.each([
    [401, "it refused the gateway's credentials (HTTP 401)"],
    [429, 'it answered with HTTP 429'],
    [500, 'it answered with HTTP 500'],
    [503, 'it answered with HTTP 503'],
  ])('is not tried again after HTTP %i', async (status, message) => {
    const upstream = await started((_request, response) => response.writeHead(status).end())
    await expect(open(upstream.url, { transport: 'http' })).rejects.toMatchObject({ message })
    expect(upstream.seen.map(({ method }) => method)).toEqual(['POST'])
  })

  test('is not tried in another way where its document says which', async () => {
    const upstream = await started((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    )
    await expect(open(upstream.url)).rejects.toMatchObject({
      message:
        'it answered with the content type text/html, where application/json or text/event-stream was expected',
    })
    expect(upstream.seen.map(({ method }) => method)).toEqual(['POST'])
  })
})

test('a redirect to the same origin that is not followed is told with the address to write', async () => {
  const upstream = await started((_request, response) =>
    response.writeHead(301, { location: '/mcp/?key=sk-abc' }).end(),
  )
  await expect(open(upstream.url)).rejects.toMatchObject({
    message: `it redirects to ${upstream.url}/ (HTTP 301), which is not followed; write that address into url if it is the intended server`,
  })
})

describe('cookies of a server', () => {
  const cookies = ({ seen }: HttpUpstream): unknown[] => seen.map(({ headers }) => headers.cookie)

  test('go back to it in every later request of the connection, and of no other', async () => {
    const upstream = await started((request, response) => {
      if (request.headers.cookie === undefined)
        response.setHeader('set-cookie', 'replica=b; Path=/; HttpOnly')
      rawLegacy(request, response)
    })
    const first = await open(upstream.url)
    await callTool(first.connection, 'x')
    const sent = cookies(upstream)
    expect([sent[0], new Set(sent.slice(1))]).toEqual([undefined, new Set(['replica=b'])])
    const before = upstream.seen.length
    await open(upstream.url)
    expect(cookies(upstream)[before]).toBeUndefined()
  })

  test('stand behind those that the operator gives', async () => {
    const upstream = await started((request, response) => {
      response.setHeader('set-cookie', ['replica=b', 'own=theirs'])
      rawLegacy(request, response)
    })
    const { connection } = await open(upstream.url, { headers: { cookie: 'own=1' } })
    await callTool(connection, 'x')
    expect(cookies(upstream).at(-1)).toBe('own=1; replica=b')
  })
})

test('the lists are asked for again when the stream for what belongs to no request was away', async () => {
  const streams: ServerResponse[] = []
  const upstream = await started((request, response) => {
    response.setHeader('mcp-session-id', 's1')
    if (request.method !== 'GET') return rawLegacy(request, response, undefined, () => ({}))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': hi\n\n')
    return streams.push(response)
  })
  const { changes, lost } = await open(upstream.url, {})
  await eventually(() => streams.length === 1)
  expect(changes).toEqual([])
  streams[0]?.destroy()
  await eventually(() => streams.length === 2)
  await eventually(() => changes.length > 0)
  expect([changes, lost]).toEqual([['tools'], []])
})

test('a request that is too much for the server costs no session, as often as it comes', async () => {
  const upstream = await started((request, response) => {
    response.setHeader('mcp-session-id', 's1')
    const refuse = (refused: ServerResponse): unknown => refused.writeHead(413).end()
    rawLegacy(request, response, refuse, () => ({}))
  })
  const { connection, lost } = await open(upstream.url)
  for (let i = 0; i < 3; i += 1)
    await expect(callTool(connection, 'x')).rejects.toMatchObject({ code: 'upstream_bad_response' })
  expect(lost).toEqual([])
})

describe('the reason of a connection that never was', () => {
  test('names a port that HTTP clients refuse', async () => {
    await expect(open('http://127.0.0.1:6000/mcp')).rejects.toMatchObject({
      message: 'HTTP clients refuse its port, which belongs to another protocol; use another port',
      facts: { mayHaveExecuted: false },
    })
  })

  test.each([
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); name a file with the certificate of its authority in NODE_EXTRA_CA_CERTS and start the gateway again',
    ],
    [
      'CERT_HAS_EXPIRED',
      'its certificate has expired; it has to be renewed at the server (CERT_HAS_EXPIRED)',
    ],
    ['ENOTFOUND', 'it cannot be reached (ENOTFOUND)'],
    ['ECONNRESET', 'the connection broke (ECONNRESET)'],
    [
      'HPE_INVALID_CONSTANT',
      'it does not speak HTTP at this port (HPE_INVALID_CONSTANT); try https:// or another port',
    ],
  ])('says what to try: %s', (code, reason) => {
    expect(connectionFailure(new TypeError('fetch failed', { cause: { code } }))).toBe(reason)
  })

  test('tells https:// at a port that has no TLS', async () => {
    const upstream = await started((_request, response) => response.end())
    await expect(open(upstream.url.replace('http:', 'https:'))).rejects.toThrow(
      /^it does not speak TLS at this port; try http:\/\/ or another port \(\w+\)$/,
    )
  })
})
