import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { Connection } from '../../../src/upstream/connection/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { askingLegacy, askingModern, type AskingUpstream } from '../../support/upstreams/asking-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { type Connected, Connecting } from './connecting.ts'
import { RecordingClient } from './recording-client.ts'

const connecting = new Connecting()
const upstreams: HttpUpstream[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

async function started(upstream: Promise<AskingUpstream>): Promise<string> {
  const { http } = await upstream
  upstreams.push(http)
  return http.url
}

function open(url: string, client?: RecordingClient): Promise<Connected> {
  const server = definitionOf({ transport: 'streamable-http', url })
  return connecting.open(server, client === undefined ? {} : { client })
}

function call(
  connection: Connection,
  name: string,
  message: JsonObject,
  client: RecordingClient,
  signal?: AbortSignal,
): Promise<JsonObject> {
  return connection.request(
    'tools/call',
    { name, arguments: { message } },
    { signal, timeoutMs: 10_000, client },
  )
}

const LOG = { method: 'notifications/message', params: { level: 'info', data: 'mine' } }

describe('two calls in flight over one HTTP connection', () => {
  test('are each asked by the stream of their own answer', async () => {
    const own = new RecordingClient()
    const { connection } = await open(await started(askingLegacy()), own)
    const [first, second] = [new RecordingClient(), new RecordingClient()]
    const question = (message: string): JsonObject => ({ method: 'elicitation/create', params: { message } })
    const answers = [
      call(connection, 'ask', question('first'), first),
      call(connection, 'ask', question('second'), second),
    ]
    const [toFirst, toSecond] = await Promise.all(
      [first, second].map((client) => eventually(() => client.asked[0])),
    )
    toSecond?.answer({ action: 'accept', content: { of: 'second' } })
    toFirst?.answer({ action: 'accept', content: { of: 'first' } })
    expect(await Promise.all(answers)).toMatchObject([
      { structuredContent: { answer: { content: { of: 'first' } } } },
      { structuredContent: { answer: { content: { of: 'second' } } } },
    ])
    expect([first, second, own].map(({ asked }) => asked.map(({ params }) => params))).toEqual([
      [{ message: 'first' }],
      [{ message: 'second' }],
      [],
    ])
  })

  test('leave the question of one alone when the other ends', async () => {
    const own = new RecordingClient()
    const { connection } = await open(await started(askingLegacy()), own)
    const asked = call(connection, 'ask', { method: 'roots/list' }, own)
    const { answer, signal } = await eventually(() => own.asked[0])
    await call(connection, 'echo', {}, own)
    expect(signal.aborted).toBe(false)
    answer({ roots: [] })
    expect(await asked).toMatchObject({ structuredContent: { answer: { roots: [] } } })
  })

  test('share a question that came by neither: it ends with the last of them', async () => {
    const own = new RecordingClient()
    const { connection } = await open(await started(askingLegacy()), own)
    const [first, second] = [new AbortController(), new AbortController()]
    const held = call(connection, 'hold', {}, own, first.signal)
    const asked = call(connection, 'ask-apart', { method: 'roots/list' }, own, second.signal)
    const { signal } = await eventually(() => own.asked[0])
    first.abort()
    await expect(held).rejects.toMatchObject({ code: 'cancelled' })
    expect(signal.aborted).toBe(false)
    second.abort()
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' })
    expect(signal.aborted).toBe(true)
  })

  test.each([
    ['legacy', askingLegacy],
    ['modern', askingModern],
  ])('each hear their own log messages, also over a shared connection (%s)', async (_era, start) => {
    const { connection } = await open(await started(start()))
    const [first, second] = [new RecordingClient({}, 'debug'), new RecordingClient({}, 'debug')]
    const second2 = { ...LOG, params: { level: 'info', data: 'hers', x1: 1 } }
    await Promise.all([call(connection, 'say', LOG, first), call(connection, 'say', second2, second)])
    expect(first.told).toEqual([LOG])
    expect(second.told).toEqual([second2])
  })
})

test('a call without a client hears and is asked nothing, and is not held up by it', async () => {
  const { connection } = await open(await started(askingLegacy()))
  const options = { signal: undefined, timeoutMs: 10_000 }
  const said = await connection.request('tools/call', { name: 'say', arguments: { message: LOG } }, options)
  expect(said).toMatchObject({ structuredContent: { answer: 'said' } })
})

/** What a hand-written legacy server does with a tool call, and with a stream that the client resumes. */
interface RawServer {
  readonly onCall: (response: ServerResponse, id: unknown) => void
  readonly onGet?: (request: IncomingMessage, response: ServerResponse) => void
  readonly onMessage?: (message: JsonObject) => void
}

async function raw({ onCall, onGet, onMessage }: RawServer): Promise<string> {
  const upstream = await listen((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      if (request.method === 'GET' && onGet !== undefined) return onGet(request, response)
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const message = JSON.parse(body) as JsonObject
      if (message['method'] === 'tools/call') return onCall(response, message['id'])
      if (message['method'] !== 'initialize') {
        onMessage?.(message)
        return void response.writeHead(202).end()
      }
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        serverInfo: { name: 'r', version: '0' },
      }
      onMessage?.(message)
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: message['id'], result }))
    })
  })
  upstreams.push(upstream)
  return upstream.url
}

const EVENTS = { 'content-type': 'text/event-stream' }
const event = (message: JsonObject, id = ''): string =>
  `${id === '' ? '' : `id: ${id}\n`}data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`

function openRaw(url: string, client: RecordingClient): Promise<Connected> {
  return connecting.open(definitionOf({ transport: 'streamable-http', url, era: 'legacy' }), { client })
}

describe('a stream that breaks and is resumed', () => {
  test('still belongs to its call: what comes by it is asked and told of that call', async () => {
    const answers: JsonObject[] = []
    let callId: unknown
    let resumed: ServerResponse | undefined
    const url = await raw({
      onCall: (response, id) => {
        callId = id
        response.writeHead(200, EVENTS).end('retry: 1\nid: e1\ndata: \n\n')
      },
      onGet: (request, response) => {
        response.writeHead(200, EVENTS)
        if (request.headers['last-event-id'] !== 'e1') return void response.write(': hello\n\n')
        resumed = response
        return void response.write(event(LOG, 'e2') + event({ id: 'q1', method: 'roots/list' }, 'e3'))
      },
      onMessage: (message) => {
        if (message['id'] !== 'q1') return
        answers.push(message)
        resumed?.end(event({ id: callId, result: { content: [] } }, 'e4'))
      },
    })
    const [own, caller, other] = [new RecordingClient(), new RecordingClient(), new RecordingClient()]
    const { connection } = await openRaw(url, own)
    caller.replying({ roots: [], x1: 1 })
    const answer = call(connection, 'x', {}, caller)
    await eventually(() => caller.asked[0])
    expect(await answer).toEqual({ content: [] })
    expect(answers).toEqual([{ jsonrpc: '2.0', id: 'q1', result: { roots: [], x1: 1 } }])
    expect(caller.told).toEqual([LOG])
    expect([own, other].flatMap(({ asked, told }) => [...asked, ...told])).toEqual([])
  })
})

describe('a server that asks without measure', () => {
  test('has at most 100 questions open, and hears an error for each beyond', async () => {
    const answers: JsonObject[] = []
    const url = await raw({
      onCall: (response) => {
        response.writeHead(200, EVENTS)
        for (let i = 0; i < 150; i += 1) response.write(event({ id: `q${i}`, method: 'roots/list' }))
      },
      onMessage: (message) => void (message['error'] !== undefined && answers.push(message)),
    })
    const client = new RecordingClient()
    const { connection } = await openRaw(url, client)
    const answer = call(connection, 'x', {}, client).catch(() => 'ended')
    await eventually(() => answers.length === 50)
    expect(client.asked).toHaveLength(100)
    expect(answers[0]).toEqual({
      jsonrpc: '2.0',
      id: 'q100',
      error: { code: -32_603, message: 'Too many requests are in progress' },
    })
    await connection.close()
    await answer
    expect(client.asked.every(({ signal }) => signal.aborted)).toBe(true)
  })

  test('under one id twice is refused the second, and the first goes on', async () => {
    const answers: JsonObject[] = []
    const url = await raw({
      onCall: (response) => {
        const question = event({ id: 'q', method: 'roots/list' })
        response.writeHead(200, EVENTS).write(question + question)
      },
      onMessage: (message) => void (message['error'] !== undefined && answers.push(message)),
    })
    const client = new RecordingClient()
    const { connection } = await openRaw(url, client)
    const answer = call(connection, 'x', {}, client).catch(() => 'ended')
    await eventually(() => answers.length > 0)
    expect(answers).toMatchObject([{ id: 'q', error: { code: -32_600 } }])
    expect(client.asked).toHaveLength(1)
    expect(client.asked[0]?.signal.aborted).toBe(false)
    await connection.close()
    await answer
  })
})

test('the capabilities of a client reach its server with every field, and the client is still called the gateway', async () => {
  const seen: JsonObject[] = []
  const url = await raw({
    onCall: (response) => response.end(),
    onMessage: (message) => void seen.push(message),
  })
  const capabilities = {
    elicitation: { form: { x1: 1 } },
    vendor: { x2: [2] },
    extensions: { 'v.example/e': {} },
  }
  await openRaw(url, new RecordingClient(capabilities))
  const clientInfo = { name: 'tool-gateway', version: '0' }
  expect(seen[0]?.['params']).toEqual({ protocolVersion: '2025-11-25', capabilities, clientInfo })
})
