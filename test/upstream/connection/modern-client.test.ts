import { afterEach, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { RequestOptions } from '../../../src/upstream/connection/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { relayedServer } from '../../support/stdio-relay.ts'
import { askingModern } from '../../support/upstreams/asking-http.ts'
import { servingAsking } from '../../support/upstreams/stdio-servers.ts'
import { type Connected, Connecting } from './connecting.ts'
import { RecordingClient } from './recording-client.ts'

const connecting = new Connecting()
const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(closers.splice(0).map((close) => close()))
})

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel'
const LOG = { method: 'notifications/message', params: { level: 'info', data: { a: 1 }, x1: 1 } }

async function open(kind: string, client?: RecordingClient): Promise<Connected> {
  const own = client === undefined ? {} : { client }
  if (kind === 'stdio') {
    const relayed = await relayedServer(servingAsking('modern'))
    closers.push(relayed.close)
    return connecting.open(definitionOf(relayed.document), own)
  }
  const upstream = await askingModern()
  closers.push(upstream.http.close)
  return connecting.open(definitionOf({ transport: 'streamable-http', url: upstream.http.url }), own)
}

async function call(
  { connection }: Connected,
  name: string,
  options: Partial<RequestOptions> = {},
  params: JsonObject = {},
): Promise<JsonObject> {
  return connection.request(
    'tools/call',
    { name, arguments: {}, ...params },
    { signal: undefined, timeoutMs: 10_000, ...options },
  )
}

function answerOf(result: JsonObject): unknown {
  return (result['structuredContent'] as JsonObject)['answer']
}

describe.each(['streamable-http', 'stdio'])('a modern server over %s', (kind) => {
  test('is told with each request what its client can do and wants to hear, and nothing without a client', async () => {
    const capabilities = { elicitation: { form: { x1: 1 } }, vendor: { x2: 2 } }
    const client = new RecordingClient(capabilities, 'warning')
    const connected = await open(kind)
    expect(answerOf(await call(connected, 'envelope', { client }))).toMatchObject({
      [CAPABILITIES]: capabilities,
      [LOG_LEVEL]: 'warning',
      'io.modelcontextprotocol/clientInfo': { name: 'tool-gateway', version: '0' },
    })
    const without = answerOf(await call(connected, 'envelope')) as JsonObject
    expect(without[CAPABILITIES]).toEqual({})
    expect(without).not.toHaveProperty([LOG_LEVEL])
  })

  test('is told of the client that was granted, not of one that the parameters claim', async () => {
    const client = new RecordingClient({ elicitation: {} })
    const meta = { [CAPABILITIES]: { sampling: {} }, 'vendor.example/x1': 1 }
    const answer = answerOf(await call(await open(kind), 'envelope', { client }, { _meta: meta }))
    expect(answer).toMatchObject({ [CAPABILITIES]: { elicitation: {} } })
    expect((answer as JsonObject)[CAPABILITIES]).toEqual({ elicitation: {} })
  })

  test('may answer with questions, every field of them, and gets the answers with the repeated request', async () => {
    const client = new RecordingClient({ elicitation: {} })
    const connected = await open(kind)
    expect(await call(connected, 'wants-input', { client })).toEqual({
      resultType: 'input_required',
      inputRequests: {
        who: {
          method: 'elicitation/create',
          params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} }, x2: { y: 2 } },
        },
      },
      requestState: 'state',
      x3: 3,
    })
    const inputResponses = { who: { action: 'accept', content: { a: 1 }, x4: 4 } }
    const again = await call(connected, 'wants-input', { client }, { inputResponses, requestState: 'state' })
    expect(again).toEqual({ content: [], structuredContent: { answer: inputResponses } })
  })

  test.each([undefined, new RecordingClient({})])(
    'may not answer with questions to a client that cannot be asked',
    async (client) => {
      const connected = await open(kind)
      await expect(
        call(connected, 'wants-input', client === undefined ? {} : { client }),
      ).rejects.toMatchObject({
        code: 'upstream_bad_response',
      })
    },
  )

  test('may not answer with questions of a kind that the client was not said to answer', async () => {
    const client = new RecordingClient({ roots: {}, extensions: {} })
    await expect(call(await open(kind), 'wants-input', { client })).rejects.toMatchObject({
      code: 'upstream_bad_response',
      facts: { server: 'sample', mayHaveExecuted: true },
    })
  })

  test('may answer with a task only where the client has declared the extension', async () => {
    const extension = { extensions: { 'io.modelcontextprotocol/tasks': {} } }
    const connected = await open(kind)
    const task = await call(connected, 'makes-a-task', { client: new RecordingClient(extension) })
    expect(task).toEqual({ resultType: 'task', taskId: 't1', status: 'working', x1: 1 })
    const client = new RecordingClient({ elicitation: {} })
    await expect(call(connected, 'makes-a-task', { client })).rejects.toMatchObject({
      code: 'upstream_bad_response',
    })
  })

  test('has complete results come without their type, also for a client that can be asked', async () => {
    const client = new RecordingClient({ elicitation: {} })
    expect(await call(await open(kind), 'echo', { client })).toEqual({
      content: [],
      structuredContent: { answer: {} },
    })
  })

  test('has its log messages passed on to the one client of the connection', async () => {
    const client = new RecordingClient({}, 'debug')
    const connected = await open(kind, client)
    await call(connected, 'say', { client }, { arguments: { message: LOG } })
    expect(client.told).toEqual([LOG])
  })

  test('hears of a cancelled call', async () => {
    const controller = new AbortController()
    const connected = await open(kind)
    const held = call(connected, 'hold', { signal: controller.signal })
    await call(connected, 'echo')
    controller.abort()
    await expect(held).rejects.toMatchObject({ code: 'cancelled' })
    await eventually(async () => answerOf(await call(connected, 'cancelled')) === 1)
  })
})

test('log messages over a pipe that callers share are dropped: nobody knows whose they are', async () => {
  const client = new RecordingClient({}, 'debug')
  const connected = await open('stdio')
  await call(connected, 'say', { client }, { arguments: { message: LOG } })
  expect(client.told).toEqual([])
})

test('the headers of a request are those of its parameters, and none of the connection can be replaced', async () => {
  const upstream = await askingModern()
  closers.push(upstream.http.close)
  const server = definitionOf({
    transport: 'streamable-http',
    url: upstream.http.url,
    headers: { 'x-team': 'blue' },
    auth: { kind: 'bearer', token: 'tk' },
  })
  const connected = await connecting.open(server)
  const headers = {
    'Mcp-Param-Region': 'eu',
    'mcp-param-tier': '=?base64?w6Q=?=',
    authorization: 'Bearer stolen',
    'x-team': 'red',
    'mcp-method': 'tools/list',
  }
  await call(connected, 'echo', { headers })
  expect(upstream.http.seen.at(-1)?.headers).toMatchObject({
    'mcp-param-region': 'eu',
    'mcp-param-tier': '=?base64?w6Q=?=',
    authorization: 'Bearer tk',
    'x-team': 'blue',
    'mcp-method': 'tools/call',
  })
})
