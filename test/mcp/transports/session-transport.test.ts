import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import express from 'express'
import { toGatewayError } from '../../../src/domain/errors/errors.ts'
import { EventStore } from '../../../src/mcp/session/event-store.ts'
import { QuestionIds } from '../../../src/mcp/session/question-ids.ts'
import { KeepAlives } from '../../../src/mcp/transports/event-stream.ts'
import { SessionTransport } from '../../../src/mcp/transports/session-transport.ts'
import { eventually } from '../../support/eventually.ts'
import { caller } from '../../support/routing.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
let transport: SessionTransport
let received: JSONRPCMessage[]
/** Responses whose connection is over. */
let closed: number
let server: Server
let url: string
/** Resolves when a stream was opened as the direct path does. */
let opened: PromiseWithResolvers<void>

beforeEach(async () => {
  clock = new FakeClock()
  received = []
  closed = 0
  opened = Promise.withResolvers()
  transport = new SessionTransport({
    sessionId: 'session',
    events: new EventStore({ clock }).open(caller().principal),
    questions: new QuestionIds(1),
    clock,
    keepAlives: new KeepAlives(clock),
  })
  transport.onmessage = (message) => received.push(message)
  const app = express()
  app.use(express.json())
  app.use(({ path }, response, next) => {
    response.once('close', () => (closed += 1))
    next()
    if (path === '/') void clock.advance(50) // for which the head of a stream waits for the answer
  })
  app.post('/', (request, response) => transport.post(request, response, request.body as JSONRPCMessage))
  app.post('/direct', (_request, response) => {
    const head = ['x-request-id', 'own']
    transport.openFor(1, '2025-11-25', response, { onGone: () => undefined, head })
    opened.resolve()
  })
  app.get('/', (request, response) => transport.listen(request, response))
  app.use(((thrown, _request, response, _next) => {
    response.status(400).json({ code: toGatewayError(thrown).code })
  }) satisfies express.ErrorRequestHandler)
  server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  await transport.close()
  const ended = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await ended
})

/** One stream of the client, read event by event. */
interface ClientStream {
  readonly status: number
  readonly next: () => Promise<Record<string, string> | undefined>
  readonly drop: () => void
}

async function streamOf(
  method: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<ClientStream> {
  const abort = new AbortController()
  const response = await fetch(url, {
    method,
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    signal: abort.signal,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const stream: ClientStream = {
    status: response.status,
    next: async () => {
      while (!text.includes('\n\n')) {
        const { value } = (await reader?.read()) ?? {}
        if (value === undefined) return undefined
        text += value
      }
      const [event = '', ...rest] = text.split('\n\n')
      text = rest.join('\n\n')
      if (event.startsWith(':')) return stream.next()
      const fields = event.split('\n').map((line) => [/^\w*/.exec(line)?.[0], line.replace(/^\w*: ?/, '')])
      return Object.fromEntries(fields) as Record<string, string>
    },
    drop: () => abort.abort(),
  }
  return stream
}

function call(id: number, headers: Record<string, string> = {}): Promise<ClientStream> {
  return streamOf('POST', headers, { jsonrpc: '2.0', id, method: 'tools/call', params: {} })
}

function resume(lastEventId: string): Promise<ClientStream> {
  return streamOf('GET', { 'last-event-id': lastEventId })
}

const answerTo = (id: number): JSONRPCMessage => ({ jsonrpc: '2.0', id, result: { done: id } })
const progress = (step: number): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 1, progress: step },
})
const cancelled = (requestId: number): unknown => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId, reason: 'the client disconnected' },
})

/** Drops a stream and waits until the gateway's side has noticed. */
async function drop(stream: ClientStream): Promise<void> {
  const before = closed
  stream.drop()
  await eventually(() => closed === before + 1)
}

async function idOf(event: Promise<Record<string, string> | undefined>): Promise<string> {
  return (await event)?.['id'] ?? ''
}

describe('the stream of a call', () => {
  const events = /^id: \S+\nretry: 200\ndata: \n\nevent: message\nid: \S+\ndata: \{"result":\{\}\}\n\n$/

  test('is sent at once, with its length, where the answer comes at once', async () => {
    const answered = fetch(`${url}/direct`, { method: 'POST' })
    await opened.promise
    transport.answer(1, '{"result":{}}')
    const response = await answered
    const text = await response.text()
    expect(text).toMatch(events)
    expect(response.headers.get('content-length')).toBe(String(text.length))
    expect(response.headers.get('x-request-id')).toBe('own')
  })

  test('begins after 50 ms, without a length, where the answer takes longer', async () => {
    const answered = fetch(`${url}/direct`, { method: 'POST' })
    await opened.promise
    await clock.advance(50)
    const response = await answered
    expect(response.headers.get('content-length')).toBeNull()
    expect(response.headers.get('mcp-session-id')).toBe('session')
    transport.answer(1, '{"result":{}}')
    expect(await response.text()).toMatch(events)
  })

  test('ends as an empty stream of events where there is no answer', async () => {
    const answered = fetch(`${url}/direct`, { method: 'POST' })
    await opened.promise
    transport.endStream(1)
    const response = await answered
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await response.text()).toBe('')
  })
})

describe('the stream of a request', () => {
  test('begins with an id and the time to wait before coming back, and ends with the answer', async () => {
    const stream = await call(1)
    expect(await stream.next()).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}\.1\.1$/),
      retry: '200',
      data: '',
    })
    await transport.send(progress(1), { relatedRequestId: 1 })
    await transport.send(answerTo(1))
    expect(await stream.next()).toMatchObject({ event: 'message', data: JSON.stringify(progress(1)) })
    expect(await stream.next()).toMatchObject({ event: 'message', data: JSON.stringify(answerTo(1)) })
    expect(await stream.next()).toBeUndefined()
  })

  test('begins without an event for clients that do not understand one without data', async () => {
    const stream = await call(1, { 'mcp-protocol-version': '2025-06-18' })
    await transport.send(answerTo(1))
    expect(await stream.next()).toMatchObject({ data: JSON.stringify(answerTo(1)) })
  })
})

describe('a client that lost the stream of a request', () => {
  test('gets what it missed and the answer on a stream that it resumes, and nothing twice', async () => {
    const first = await call(1)
    await first.next()
    await transport.send(progress(1), { relatedRequestId: 1 })
    const last = await idOf(first.next())
    await drop(first)
    await transport.send(progress(2), { relatedRequestId: 1 })
    const second = await resume(last)
    expect(await second.next()).toMatchObject({ data: JSON.stringify(progress(2)) })
    await clock.advance(60_000)
    await transport.send(answerTo(1))
    expect(await second.next()).toMatchObject({ data: JSON.stringify(answerTo(1)) })
    expect(await second.next()).toBeUndefined()
    expect(received).toHaveLength(1)
  })

  test('gets an answer that was given while it was away, and the stream ends with that', async () => {
    const first = await call(1)
    const begin = await idOf(first.next())
    await drop(first)
    await transport.send(answerTo(1))
    await clock.advance(60_000)
    const second = await resume(begin)
    expect(await second.next()).toMatchObject({ data: JSON.stringify(answerTo(1)) })
    expect(await second.next()).toBeUndefined()
    expect(received).toHaveLength(1)
  })

  test('takes the stream over from a connection that only the gateway still thinks alive', async () => {
    const first = await call(1)
    const begin = await idOf(first.next())
    const second = await resume(begin)
    expect(await first.next()).toBeUndefined()
    await transport.send(answerTo(1))
    expect(await second.next()).toMatchObject({ data: JSON.stringify(answerTo(1)) })
    expect(received).toHaveLength(1)
  })

  test('and does not come back within 700 ms has its request cancelled, which cannot be resumed then', async () => {
    const stream = await call(1)
    const begin = await idOf(stream.next())
    await drop(stream)
    await clock.advance(699)
    expect(received).toHaveLength(1)
    await clock.advance(1)
    expect(received.at(-1)).toEqual(cancelled(1))
    expect((await resume(begin)).status).toBe(400)
  })

  test('has the same time again when it loses the resumed stream', async () => {
    const first = await call(1)
    const begin = await idOf(first.next())
    await drop(first)
    await clock.advance(600)
    const second = await resume(begin)
    await clock.advance(600)
    await drop(second)
    await clock.advance(699)
    expect(received).toHaveLength(1)
    await clock.advance(1)
    expect(received.at(-1)).toEqual(cancelled(1))
  })

  test('cannot resume with an invalid id', async () => {
    await call(1)
    expect(await resume('0123456789ab.1.1')).toMatchObject({ status: 400 })
  })
})

test('a client that does not read its stream loses it, and its request is cancelled', async () => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call"}'
  socket.write(
    `POST / HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually(() => received.length === 1)
  const large: JSONRPCMessage = { jsonrpc: '2.0', method: 'x', params: { text: 'x'.repeat(1_000_000) } }
  let sent = 0
  await eventually(async () => {
    sent += 1
    await transport.send(large, { relatedRequestId: 1 })
    return closed === 1
  })
  expect(sent).toBeGreaterThan(16)
  await clock.advance(700)
  expect(received.at(-1)).toEqual(cancelled(1))
  socket.destroy()
})

describe('the stream of what belongs to no request', () => {
  const notice: JSONRPCMessage = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }

  test('is needed before anything can be sent on it', async () => {
    expect(transport.isListening).toBe(false)
    await expect(transport.send(notice)).rejects.toThrow('the client has no stream for this message')
    const stream = await streamOf('GET', {})
    expect([stream.status, transport.isListening]).toEqual([200, true])
    expect(await idOf(stream.next())).toMatch(/\.0\.\d+$/)
    await transport.send(notice)
    expect(await stream.next()).toMatchObject({ data: JSON.stringify(notice) })
  })

  test('is taken over by the newest connection, though the one before is still there', async () => {
    const first = await streamOf('GET', {})
    await first.next()
    const second = await streamOf('GET', {})
    expect(await first.next()).toBeUndefined()
    await second.next()
    await transport.send(notice)
    expect(await second.next()).toMatchObject({ data: JSON.stringify(notice) })
  })

  test('can be resumed, and be opened anew without what was missed', async () => {
    const first = await streamOf('GET', {})
    const begin = await idOf(first.next())
    await drop(first)
    expect(transport.isListening).toBe(false)
    await transport.send(notice)
    const second = await resume(begin)
    expect(await second.next()).toMatchObject({ data: JSON.stringify(notice) })
    await drop(second)
    await transport.send(notice)
    const third = await streamOf('GET', {})
    expect(await third.next()).toMatchObject({ data: '' })
    await transport.close()
    expect(await third.next()).toBeUndefined()
  })
})
