import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { GatewayError } from '../../../src/domain/errors/errors.ts'
import { isSessionLost } from '../../../src/upstream/connection/upstream-error.ts'
import { type AnswerCall, rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, legacyHttp, listen } from '../../support/upstreams/sample-http.ts'
import { eventually } from '../../support/eventually.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { callTool, type Connected, Connecting } from './connecting.ts'

const connecting = new Connecting()
const upstreams: HttpUpstream[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

async function started(upstream: Promise<HttpUpstream>): Promise<HttpUpstream> {
  upstreams.push(await upstream)
  return upstream
}

function open(url: string, fields: Record<string, unknown> = {}): Promise<Connected> {
  return connecting.open(definitionOf({ transport: 'streamable-http', url, ...fields }))
}

async function connectTo(answer: AnswerCall, { session = '' } = {}): Promise<Connected> {
  const upstream = await started(
    listen((request, response) => {
      if (session !== '') response.setHeader('mcp-session-id', session)
      rawLegacy(request, response, answer)
    }),
  )
  return open(upstream.url, { era: 'legacy' })
}
async function failureOf(answer: AnswerCall): Promise<unknown> {
  const { connection } = await connectTo(answer)
  return callTool(connection, 'x', {}, 3000).catch((error: unknown) => error)
}

describe('a hostile HTTP server', () => {
  test.each([
    [500, 'upstream_bad_response', true],
    [503, 'upstream_unavailable', true],
    [401, 'upstream_refused', false],
    [403, 'upstream_refused', false],
    [429, 'upstream_unavailable', false],
    [418, 'upstream_bad_response', false],
  ])('that answers HTTP %i is reported without a word of its body', async (status, code, mayHaveExecuted) => {
    const failure = await failureOf((response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end('secret=sk-abc')
    })
    expect(failure).toMatchObject({ code, facts: { server: 'sample', mayHaveExecuted } })
    expect((failure as Error).message).not.toContain('sk-abc')
  })

  test('that answers with an error status and a JSON-RPC error is understood', async () => {
    const failure = await failureOf((response, id) => {
      const error = { code: -32_601, message: 'Method not found' }
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, error }))
    })
    expect(failure).toMatchObject({
      code: 'upstream_error',
      facts: { upstream: { code: -32_601, message: 'Method not found' } },
    })
  })

  test.each([
    { code: -32_002, message: 'gone', data: { uri: 'a://b', x1: 1 } },
    { code: -32_042, message: 'look', data: { elicitations: [{ mode: 'url', x2: 2 }], x3: 3 } },
    { code: -32_602, message: 'no', data: { uri: 'a://b' } },
    { code: 7, message: 'text', data: 'text' },
    { code: -32_000, message: 'nothing more' },
  ])('has its errors passed on as they are ($code)', async (error) => {
    const failure = await failureOf((response, id) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, error }))
    })
    expect((failure as GatewayError).facts.upstream).toEqual(error)
  })

  test('that redirects elsewhere is not followed', async () => {
    const elsewhere = await started(listen((_request, response) => response.end()))
    const failure = await failureOf((response) => {
      response.writeHead(307, { location: elsewhere.url }).end()
    })
    expect(failure).toMatchObject({ code: 'upstream_bad_response' })
    expect(elsewhere.seen).toHaveLength(0)
  })

  test('that inflates a small body beyond the limit is cut off', async () => {
    const failure = await failureOf((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      response.end(gzipSync(Buffer.alloc(50_000_000, 0x20)))
    })
    expect(failure).toMatchObject({ code: 'response_too_large' })
  })

  test('that sends an endless body is cut off', async () => {
    const failure = await failureOf((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write('x'.repeat(50_000)), 1)
      response.on('close', () => clearInterval(timer))
    })
    expect(failure).toMatchObject({ code: 'response_too_large' })
  })

  test('that sends an endless event is cut off', async () => {
    const failure = await failureOf((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('id: 1\ndata: ')
      const timer = setInterval(() => response.write('x'.repeat(50_000)), 1)
      response.on('close', () => clearInterval(timer))
    })
    expect(failure).toMatchObject({ code: 'response_too_large' })
  })

  test('that ends its event stream without a response fails the call at once', async () => {
    const failure = await failureOf((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(': bye\n\n')
    })
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: true } })
  })

  test('that breaks the connection fails the call at once, which may have run', async () => {
    const failure = await failureOf((response) => response.destroy())
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: true } })
  })

  test.each([
    ['no JSON', 'application/json', '<html>'],
    ['no JSON-RPC', 'application/json', '{"hello":1}'],
    ['another type', 'text/html', '<html>'],
  ])('that answers with %s is named as the culprit', async (_what, type, body) => {
    const failure = await failureOf((response) => {
      response.writeHead(200, { 'content-type': type }).end(body)
    })
    expect(failure).toMatchObject({ code: 'upstream_bad_response', facts: { server: 'sample' } })
  })

  test('has the connection of a call that took too long ended', async () => {
    let isClosed = false
    const { connection } = await connectTo((response) => response.on('close', () => (isClosed = true)))
    await expect(callTool(connection, 'x', {}, 100)).rejects.toMatchObject({ code: 'upstream_timeout' })
    await eventually(() => isClosed)
    expect(isClosed).toBe(true)
  })
})

describe('a session that an HTTP server does not know any more', () => {
  const rpcErrorOf = (id: unknown, code: number, message: string): string =>
    JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })
  const rpcError = (code: number, message: string): string => rpcErrorOf(null, code, message)

  test.each([
    [404, 'text/plain', 'Not Found'],
    [404, 'application/json', rpcError(-32_001, 'Session not found')],
    [400, 'application/json', rpcError(-32_000, 'Bad Request: No valid session ID provided')],
    [400, 'application/json', rpcError(-32_600, 'Unknown session')],
  ])('is recognised by HTTP %i (%s %s)', async (status, type, body) => {
    const { connection, lost } = await connectTo(
      (response) => response.writeHead(status, { 'content-type': type }).end(body),
      { session: 's1' },
    )
    const failure: unknown = await callTool(connection, 'x').catch((error: unknown) => error)
    expect(isSessionLost(failure)).toBe(true)
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: false } })
    await eventually(() => lost.length > 0)
    expect(lost).toEqual(['its session has ended'])
  })

  test('is recognised by a JSON-RPC error over HTTP 200', async () => {
    const { connection, lost } = await connectTo(
      (response, id) => {
        const error = { code: -32_001, message: 'Session not found' }
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, error }))
      },
      { session: 's1' },
    )
    const failure: unknown = await callTool(connection, 'x').catch((error: unknown) => error)
    expect(isSessionLost(failure)).toBe(true)
    await eventually(() => lost.length > 0)
  })

  test.each([
    ['HTTP 400 in plain text', 400, 'Bad Request: No valid session ID provided'],
    ['HTTP 400 without a word', 400, ''],
    ['HTTP 410', 410, '{"error":"gone"}'],
    ['HTTP 401 that names it', 401, rpcError(-32_001, 'Session expired')],
    ['"not initialized"', 400, rpcError(-32_000, 'Bad Request: Server not initialized')],
    [
      'an answer of a server that was not initialized',
      200,
      (id: unknown) => rpcErrorOf(id, -32_602, 'Invalid'),
    ],
  ])('is recognised by %s, where a ping is refused likewise', async (_what, status, body) => {
    let isForgotten = false
    const upstream = await started(
      listen((request, response) => {
        response.setHeader('mcp-session-id', 's1')
        if (!isForgotten || request.method !== 'POST') return rawLegacy(request, response)
        request.setEncoding('utf8').on('data', (text: string) => {
          const { id } = JSON.parse(text) as { id?: unknown }
          response.writeHead(status, { 'content-type': 'application/json' })
          response.end(typeof body === 'string' ? body : body(id))
        })
      }),
    )
    const { connection, lost } = await open(upstream.url, { era: 'legacy' })
    isForgotten = true
    const failure: unknown = await callTool(connection, 'x').catch((error: unknown) => error)
    expect(isSessionLost(failure)).toBe(true)
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: false } })
    await eventually(() => lost.length > 0)
    expect(lost).toEqual(['its session has ended'])
  })

  test.each([
    ['another error of a tool', 200, -32_001, 'Request timed out'],
    ['another bad request', 400, -32_602, 'Invalid params'],
  ])('is not seen in %s', async (_what, status, code, message) => {
    const { connection, lost } = await connectTo(
      (response, id) =>
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })),
      { session: 's1' },
    )
    const failure: unknown = await callTool(connection, 'x').catch((error: unknown) => error)
    expect(isSessionLost(failure)).toBe(false)
    expect(failure).toMatchObject({ facts: { upstream: { code, message } } })
    expect(lost).toEqual([])
  })

  test('is not seen where there never was one', async () => {
    const failure = await failureOf((response) => response.writeHead(404).end())
    expect(isSessionLost(failure)).toBe(false)
  })

  test('is noticed without a call when the stream for what belongs to no request is refused', async () => {
    let isGone = false
    const upstream = await started(
      listen((request, response) => {
        if (request.method === 'GET') isGone = true
        if (isGone) return response.writeHead(404).end()
        response.setHeader('mcp-session-id', 's1')
        return rawLegacy(request, response)
      }),
    )
    const { lost } = await open(upstream.url, { era: 'legacy' })
    await eventually(() => lost.length > 0)
    expect(lost).toEqual(['its session has ended'])
  })

  test('is not seen in a server that has no stream for what belongs to no request', async () => {
    const upstream = await started(
      listen((request, response) => {
        if (request.method === 'GET') return response.writeHead(404).end('Cannot GET /mcp')
        response.setHeader('mcp-session-id', 's1')
        return rawLegacy(request, response)
      }),
    )
    const { connection, lost } = await open(upstream.url, { era: 'legacy' })
    await eventually(() => upstream.seen.some(({ method }) => method === 'GET'))
    expect(await callTool(connection, 'x')).toEqual({})
    expect(await callTool(connection, 'x')).toEqual({})
    expect(lost).toEqual([])
  })
})

describe('an HTTP server that cannot be opened', () => {
  test('is reported with what the system says', async () => {
    const upstream = await started(legacyHttp())
    await upstream.close()
    await expect(open(upstream.url)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'it cannot be reached (ECONNREFUSED)',
      facts: { server: 'sample', mayHaveExecuted: false },
    })
  })

  test.each([
    [401, "it refused the gateway's credentials (HTTP 401)"],
    [500, 'it answered with HTTP 500'],
    [
      302,
      'it redirects to http://other.invalid/ (HTTP 302), which is not followed; write that address into url if it is the intended server',
    ],
  ])('is reported with its status %i, without its body', async (status, message) => {
    const upstream = await started(
      listen((_request, response) =>
        response.writeHead(status, { location: 'http://other.invalid/' }).end('secret=sk-abc'),
      ),
    )
    for (const era of ['auto', 'legacy']) {
      await expect(open(upstream.url, { era })).rejects.toMatchObject({ message })
    }
    await expect(open(upstream.url, { transport: 'sse' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
  })

  test('is given up at the deadline', async () => {
    const upstream = await started(listen(() => undefined))
    const server = definitionOf({ transport: 'http', url: upstream.url })
    await expect(connecting.open(server, { timeoutMs: 200 })).rejects.toThrow('it did not open within 200 ms')
  })
})
