import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { RawObject } from '../../../src/domain/json/raw-object.ts'
import { type DirectRequest, DirectRequests } from '../../../src/upstream/connection/direct-requests.ts'
import { CookieJar } from '../../../src/upstream/fetch/cookie-jar.ts'
import { DirectPost } from '../../../src/upstream/fetch/direct-post.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { listen } from '../../support/upstreams/sample-http.ts'

type Answer = (response: ServerResponse, id: unknown) => unknown

const closing: (() => unknown)[] = []
let clock: FakeClock
let passedOn: unknown[]
let sent: { headers: IncomingMessage['headers']; body: JsonObject }[]
/** Exchanges whose response has not ended. */
let exchanges: { open: number }
let streams: { hasIds: boolean }

beforeEach(() => {
  clock = new FakeClock()
  passedOn = []
  sent = []
  exchanges = { open: 0 }
  streams = { hasIds: false }
})

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function requestsTo(answer: Answer, era: 'legacy' | 'modern' = 'modern'): Promise<DirectRequests> {
  const mine = exchanges
  const upstream = await listen(async (request, response) => {
    mine.open += 1
    response.once('close', () => (mine.open -= 1))
    const body = JSON.parse(await text(request)) as JsonObject
    sent.push({ headers: request.headers, body })
    await answer(response, body['id'])
  })
  closing.push(() => upstream.close())
  const url = new URL(upstream.url)
  const cookies = new CookieJar({ url, now: () => clock.now() })
  const requests = new DirectRequests({
    channel: {
      post: new DirectPost({ url, headers: {}, via: undefined, cookies, maxBytes: 1_000_000 }),
      transport: { ...(era === 'legacy' && { sessionId: 's1' }) },
      streams,
    },
    era,
    protocolVersion: era === 'legacy' ? '2025-11-25' : '2026-07-28',
    clientInfo: { name: 'tool-gateway', version: '0' },
    clock,
    onMessage: (message, client) => void passedOn.push([message, client?.capabilities]),
  })
  closing.push(() => requests.close())
  return requests
}

function call(requests: DirectRequests, more: Partial<DirectRequest> = {}): Promise<RawObject | JsonObject> {
  return requests.send({
    id: requests.nextId(),
    method: 'tools/call',
    params: { name: 'echo', arguments: { a: 1 } },
    client: undefined,
    headers: undefined,
    timeoutMs: 5000,
    signal: undefined,
    ...more,
  })
}

function failureOf(request: Promise<unknown>): Promise<unknown> {
  return request.catch((error: unknown) => error)
}

const json =
  (of: (id: unknown) => string): Answer =>
  (response, id) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(of(id))

const result = (id: unknown, value = '{"a":1}'): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${value}}`

const events =
  (of: (id: unknown) => string, isOpen = false): Answer =>
  (response, id) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(of(id))
    if (!isOpen) response.end()
  }

describe('a request', () => {
  test('of 2026-07-28 has its envelope, and headers that say the same', async () => {
    const requests = await requestsTo(json(result))
    const capabilities = { elicitation: {} }
    await call(requests, {
      params: { name: 'é', _meta: { 'vendor/x': 1, 'io.modelcontextprotocol/protocolVersion': 'other' } },
      client: { capabilities, logLevel: undefined, tell: () => undefined },
      headers: { 'Mcp-Param-Region': 'eu' },
    })
    expect(sent[0]?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?w6k=?=',
      'mcp-param-region': 'eu',
    })
    expect(sent[0]?.body).toEqual({
      jsonrpc: '2.0',
      id: 1_000_000_001,
      method: 'tools/call',
      params: {
        name: 'é',
        _meta: {
          'vendor/x': 1,
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'tool-gateway', version: '0' },
          'io.modelcontextprotocol/clientCapabilities': capabilities,
        },
      },
    })
  })

  test.each([
    ['no parameters', undefined, {}],
    ['one without a value', { cursor: undefined }, {}],
    ['others', { name: 'a' }, { name: 'a' }],
  ])('of 2026-07-28 with %s has its envelope beside them', async (_what, params, sentParams) => {
    const requests = await requestsTo(json(result))
    await call(requests, { params })
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'tool-gateway', version: '0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    expect(sent[0]?.body['params']).toEqual({ ...sentParams, _meta: envelope })
  })

  test('of 2025-11-25 is as it is, and in its session', async () => {
    const requests = await requestsTo(json(result), 'legacy')
    await call(requests, { params: undefined })
    expect(sent[0]?.body).toEqual({ jsonrpc: '2.0', id: 1_000_000_001, method: 'tools/call' })
    expect(sent[0]?.headers).toMatchObject({ 'mcp-session-id': 's1', 'mcp-protocol-version': '2025-11-25' })
    expect([sent[0]?.headers['mcp-method'], sent[0]?.headers['mcp-name']]).toEqual([undefined, undefined])
  })

  test('that its caller ends fails, and ends the exchange', async () => {
    const requests = await requestsTo(() => undefined)
    const caller = new AbortController()
    const failure = failureOf(call(requests, { signal: caller.signal }))
    await eventually(() => sent.length === 1)
    caller.abort()
    expect(await failure).toMatchObject({ code: 'CONNECTION_CLOSED' })
    await eventually(() => exchanges.open === 0)
    expect(clock.pending).toBe(0)
  })

  test('fails when its time is over, and ends the exchange', async () => {
    const requests = await requestsTo(() => undefined)
    const failure = failureOf(call(requests, { timeoutMs: 700 }))
    await eventually(() => sent.length === 1)
    await clock.advance(699)
    expect(exchanges.open).toBe(1)
    await clock.advance(1)
    expect(await failure).toMatchObject({ code: 'REQUEST_TIMEOUT' })
    await eventually(() => exchanges.open === 0)
  })

  test('leaves nothing behind that waits', async () => {
    const requests = await requestsTo(json(result))
    const caller = new AbortController()
    await call(requests, { signal: caller.signal })
    expect(clock.pending).toBe(0)
    caller.abort()
    expect(await call(requests)).toEqual({ a: 1 })
  })

  test('fails when the connection closes', async () => {
    const requests = await requestsTo(() => undefined)
    const failure = failureOf(call(requests))
    await eventually(() => sent.length === 1)
    requests.close()
    expect(await failure).toMatchObject({ message: 'fetch failed' })
    expect(clock.pending).toBe(0)
  })
})

describe('an answer', () => {
  const big = `"${'x'.repeat(40_000)}"`

  test.each([
    ['JSON', json(result)],
    ['JSON with its id as text', json((id) => result(String(id)))],
    ['JSON with a mark of the byte order', json((id) => `\uFEFF${result(id)}`)],
    ['JSON with null for an error', json((id) => `${result(id).slice(0, -1)},"error":null}`)],
    ['a list with the one message', json((id) => `[${result(id)}]`)],
    ['an event', events((id) => `data: ${result(id)}\n\n`)],
    [
      'an event behind what is no message',
      events((id) => `data: starting\n\ndata: {}\n\ndata: ${result(id)}\n\n`),
    ],
    [
      'an event behind the answer to another request',
      events((id) => `data: ${result(5, '{}')}\n\ndata: ${result(id)}\n\n`),
    ],
    ['an event of a stream that stays open', events((id) => `data: ${result(id)}\n\n`, true)],
  ])('is read: %s', async (_what, answer) => {
    expect(await call(await requestsTo(answer))).toEqual({ a: 1 })
  })

  test.each([
    ['JSON', json((id) => result(id, `{"a":1.50,"b":${big}}`))],
    ['an event', events((id) => `data: ${result(id, `{"a":1.50,"b":${big}}`)}\n\n`)],
  ])('of 32 KiB and more stays as the server wrote it: %s', async (_what, answer) => {
    const raw = await call(await requestsTo(answer))
    expect(raw).toBeInstanceOf(RawObject)
    expect((raw as RawObject).chunks().join('').slice(0, 14)).toBe('{"a":1.50,"b":')
  })

  test('of 32 KiB and more that has a member twice is read like a small one', async () => {
    const requests = await requestsTo(json((id) => result(id, `{"a":1,"b":${big},"a":2}`)))
    expect(await call(requests)).toEqual({ a: 2, b: 'x'.repeat(40_000) })
  })

  test.each([
    [
      'that is an error',
      (id: unknown) =>
        `{"jsonrpc":"2.0","id":${String(id)},"error":{"code":-5,"message":"no","data":{"a":1}}}`,
      { code: -5, message: 'no', data: { a: 1 } },
    ],
    ['that is not JSON', () => '{"a":NaN}', { data: 'tool-gateway/unreadable' }],
    ['that is empty', () => '', { data: 'tool-gateway/unreadable' }],
    ['without an id', () => '{"jsonrpc":"2.0","result":{}}', { data: 'tool-gateway/unreadable' }],
    [
      'with a result and an error',
      (id: unknown) => `${result(id).slice(0, -1)},"error":{"code":1,"message":"no"}}`,
      { data: 'tool-gateway/unreadable' },
    ],
    ['whose result is no object', (id: unknown) => result(id, '[]'), { data: 'tool-gateway/unreadable' }],
    [
      'whose _meta is no object',
      (id: unknown) => result(id, '{"_meta":[]}'),
      { data: 'tool-gateway/unreadable' },
    ],
    [
      'whose _meta is no object, of 40 KB',
      (id: unknown) => result(id, `{"_meta":null,"b":${big}}`),
      { data: 'tool-gateway/unreadable' },
    ],
    ['to another request', () => result(7), { data: 'tool-gateway/stream-ended' }],
  ])('%s fails the request', async (_what, body, failure) => {
    await expect(call(await requestsTo(json(body)))).rejects.toMatchObject(failure)
  })

  test('that is broken fails the request although its stream stays open', async () => {
    const requests = await requestsTo(
      events((id) => `data: {"jsonrpc":"2.0","id":${String(id)},"result":NaN}\n\n`, true),
    )
    await expect(call(requests)).rejects.toMatchObject({ data: 'tool-gateway/unreadable' })
  })

  test('that does not come before the end of the stream fails the request', async () => {
    await expect(call(await requestsTo(events(() => 'data: starting\n\n')))).rejects.toMatchObject({
      data: 'tool-gateway/stream-ended',
    })
  })
})

test('other messages on the stream are passed on with the client of the request', async () => {
  const notification = { jsonrpc: '2.0', method: 'notifications/vendor', params: { a: 1 } }
  const question = { jsonrpc: '2.0', id: 'q', method: 'roots/list' }
  const requests = await requestsTo(
    events(
      (id) =>
        [notification, question, 'text', { a: 1 }]
          .map((each) => `data: ${JSON.stringify(each)}\n\n`)
          .join('') + `data: ${result(id)}\n\ndata: ${JSON.stringify(notification)}\n\n`,
    ),
  )
  const capabilities = { roots: {} }
  await call(requests, { client: { capabilities, logLevel: undefined, tell: () => undefined } })
  await eventually(() => passedOn.length === 3)
  expect(passedOn).toEqual([
    [notification, capabilities],
    [question, capabilities],
    [notification, capabilities],
  ])
})

describe('a stream that stays open behind its answer', () => {
  test('is ended by the first request that comes a second later', async () => {
    const requests = await requestsTo(events((id) => `data: ${result(id)}\n\n`, true))
    await call(requests)
    await clock.advance(999)
    await call(requests)
    expect(exchanges.open).toBe(2)
    await clock.advance(1)
    await call(requests)
    await eventually(() => exchanges.open === 2)
  })

  test('is ended with the connection', async () => {
    const requests = await requestsTo(events((id) => `data: ${result(id)}\n\n`, true))
    await call(requests)
    expect(exchanges.open).toBe(1)
    requests.close()
    await eventually(() => exchanges.open === 0)
  })
})

describe('requests that the SDK has to send', () => {
  test('are all behind a response stream that could be resumed', async () => {
    const requests = await requestsTo(events((id) => `id: 1\ndata: ${result(id)}\n\n`))
    expect(requests.isOpenTo('tools/call')).toBe(true)
    await call(requests)
    expect(requests.isOpenTo('tools/call')).toBe(false)
  })

  test('are all of a connection whose other streams could be resumed', async () => {
    const requests = await requestsTo(json(result))
    expect([requests.isOpenTo('tools/call'), requests.isOpenTo('ping')]).toEqual([true, false])
    streams.hasIds = true
    expect(requests.isOpenTo('tools/call')).toBe(false)
  })
})
