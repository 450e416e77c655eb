import { afterEach, describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ClientSide } from '../../../src/upstream/messages/client-side.ts'
import type { ConnectorOptions } from '../../../src/upstream/connection/connect.ts'
import type { Connection } from '../../../src/upstream/connection/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { relayedServer } from '../../support/stdio-relay.ts'
import { askingLegacy, askingSse } from '../../support/upstreams/asking-http.ts'
import { servingAsking } from '../../support/upstreams/stdio-servers.ts'
import { type Connected, Connecting } from './connecting.ts'
import { RecordingClient } from './recording-client.ts'

const connecting = new Connecting()
const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(closers.splice(0).map((close) => close()))
})

interface Opening extends Partial<ConnectorOptions> {
  readonly client?: ClientSide
  readonly asksAtOnce?: boolean
}

/** A connection to the asking server over one transport of the legacy era. */
async function open(kind: string, { client, asksAtOnce = false, ...options }: Opening): Promise<Connected> {
  const connect = connecting.connector(options)
  const own = client === undefined ? {} : { client }
  if (kind === 'stdio') {
    const relayed = await relayedServer(servingAsking('legacy', { asksAtOnce }))
    closers.push(relayed.close)
    return connecting.open(definitionOf({ ...relayed.document, era: 'legacy' }), { connect, ...own })
  }
  const upstream = await (kind === 'sse' ? askingSse({ asksAtOnce }) : askingLegacy({ asksAtOnce }))
  closers.push(upstream.http.close)
  const server = definitionOf({ transport: kind, url: upstream.http.url, era: 'legacy' })
  return connecting.open(server, { connect, ...own })
}

/** What the tool made of what it asked or said. */
async function call(
  connection: Connection,
  name: string,
  message: JsonObject,
  { client, signal, timeoutMs = 10_000 }: { client?: ClientSide; signal?: AbortSignal; timeoutMs?: number },
): Promise<unknown> {
  const { structuredContent } = await connection.request(
    'tools/call',
    { name, arguments: { message } },
    { signal, timeoutMs, ...(client !== undefined && { client }) },
  )
  return (structuredContent as JsonObject)['answer']
}

const REFUSED = { code: -32_601 }

describe.each(['streamable-http', 'sse', 'stdio'])('a legacy server over %s', (kind) => {
  test.each([
    [
      'elicitation/create',
      { message: 'Who?', requestedSchema: { type: 'object', properties: { a: { type: 'string', x1: 1 } } } },
      { action: 'accept', content: { a: 'b', x2: { y: 2 } }, _meta: { 'vendor.example/x3': 3 }, x4: 4 },
    ],
    [
      'sampling/createMessage',
      { messages: [{ role: 'user', content: { type: 'hologram', beam: [1] } }], maxTokens: 1, x1: { y: 1 } },
      { role: 'assistant', content: { type: 'hologram', beam: [2], x2: 2 }, model: 'm', x3: [3] },
    ],
    ['roots/list', { _meta: { 'vendor.example/x1': 1 } }, { roots: [{ uri: 'file:///a', x2: 2 }], x3: 3 }],
  ])('asks its client (%s), and every field passes both ways', async (method, params, result) => {
    const client = new RecordingClient().replying(result)
    const { connection } = await open(kind, { client })
    expect(await call(connection, 'ask', { method, params }, { client })).toEqual(result)
    expect(client.asked).toMatchObject([{ method, params }])
    expect(client.asked[0]?.params).toEqual(params)
  })

  test('asks also outside of its answer to the call', async () => {
    const client = new RecordingClient().replying({ roots: [] })
    const { connection } = await open(kind, { client })
    expect(await call(connection, 'ask-apart', { method: 'roots/list' }, { client })).toEqual({ roots: [] })
  })

  test('is told what its client answered in the way of an error', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const answer = call(connection, 'ask', { method: 'roots/list' }, { client })
    const asked = await eventually(() => client.asked[0])
    const upstream = { code: -32_042, message: 'look here', data: { x1: { y: 1 } } }
    asked.refuse(new GatewayError('upstream_error', undefined, { facts: { upstream } }))
    expect(await answer).toEqual(upstream)
  })

  test.each([
    [
      new GatewayError('client_not_reachable'),
      -31_014,
      'The client did not answer the question of the server',
    ],
    [new Error('secret=sk-abc'), -32_603, 'Internal error'],
  ])('is told when its client could not be asked (%s)', async (error, code, message) => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const answer = call(connection, 'ask', { method: 'roots/list' }, { client })
    ;(await eventually(() => client.asked[0])).refuse(error)
    const told = (await answer) as JsonObject
    expect(told).toEqual({ code, message })
  })

  test('may ask nothing that was not declared to it', async () => {
    const client = new RecordingClient({ elicitation: {} }).replying({})
    const { connection } = await open(kind, { client })
    for (const method of ['sampling/createMessage', 'roots/list', 'tools/list', 'vendor/elicitation']) {
      expect(await call(connection, 'ask', { method, params: {} }, { client })).toMatchObject(REFUSED)
    }
    expect(client.asked).toEqual([])
  })

  test('may ask nothing over a connection that callers share, whatever the caller can do', async () => {
    const client = new RecordingClient().replying({})
    const { connection } = await open(kind, {})
    for (const name of ['ask', 'ask-apart']) {
      expect(await call(connection, name, { method: 'elicitation/create' }, { client })).toMatchObject(
        REFUSED,
      )
    }
    expect(await call(connection, 'capabilities', {}, { client })).toEqual({})
    expect(client.asked).toEqual([])
  })

  test('is asked to declare the capabilities of the one client that a connection is for', async () => {
    const client = new RecordingClient({ elicitation: { form: {}, url: {} }, roots: { listChanged: true } })
    const { connection } = await open(kind, { client })
    expect(await call(connection, 'capabilities', {}, {})).toEqual(client.capabilities)
  })

  test('that takes back a question ends it for the client too', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const answer = call(connection, 'ask-and-withdraw', { method: 'roots/list' }, { client })
    const { signal } = await eventually(() => client.asked[0])
    await eventually(() => signal.aborted)
    expect(await answer).toMatchObject({ message: 'changed my mind' })
  })

  test('leaves nobody with a question when the call that it belongs to is given up', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const caller = new AbortController()
    const answer = call(connection, 'ask', { method: 'roots/list' }, { client, signal: caller.signal })
    const { signal } = await eventually(() => client.asked[0])
    caller.abort()
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' })
    expect(signal.aborted).toBe(true)
  })

  test('leaves nobody with a question when the connection ends', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const answer = call(connection, 'ask', { method: 'roots/list' }, { client }).catch(() => 'ended')
    const { signal } = await eventually(() => client.asked[0])
    await connection.close()
    expect(signal.aborted).toBe(true)
    expect(await answer).toBe('ended')
  })

  test.each(['ask', 'ask-apart'])(
    'has no time taken from a call while its client is asked (%s)',
    async (name) => {
      const clock = new FakeClock()
      const client = new RecordingClient()
      const { connection } = await open(kind, { client, clock })
      const answer = call(connection, name, { method: 'roots/list' }, { client, timeoutMs: 1000 })
      const asked = await eventually(() => client.asked[0])
      await clock.advance(60_000)
      asked.answer({ roots: [] })
      expect(await answer).toEqual({ roots: [] })
    },
  )

  test('has a call that asks nothing time out as ever', async () => {
    const clock = new FakeClock()
    const client = new RecordingClient()
    const { connection } = await open(kind, { client, clock })
    const held = call(connection, 'hold', {}, { client, timeoutMs: 1000 })
    const outcome = held.catch((error: unknown) => error)
    await call(connection, 'echo', {}, {})
    await clock.advance(1001)
    expect(await outcome).toMatchObject({ code: 'upstream_timeout', facts: { mayHaveExecuted: true } })
    await eventually(async () => (await call(connection, 'cancelled', {}, {})) === 1)
  })

  test('hears of a cancelled call of a client that it may ask', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const caller = new AbortController()
    const held = call(connection, 'hold', {}, { client, signal: caller.signal })
    await call(connection, 'echo', {}, {})
    caller.abort()
    await expect(held).rejects.toMatchObject({ code: 'cancelled' })
    await eventually(async () => (await call(connection, 'cancelled', {}, {})) === 1)
  })

  test('has the rest of the time run once its client has answered', async () => {
    const clock = new FakeClock()
    const client = new RecordingClient().replying({ roots: [] })
    const { connection } = await open(kind, { client, clock })
    const ask = { method: 'roots/list' }
    const answers = [call(connection, 'ask', ask, { client }), call(connection, 'ask', ask, { client })]
    await Promise.all(answers)
    const held = call(connection, 'hold', {}, { client, timeoutMs: 1000 }).catch((error: unknown) => error)
    await call(connection, 'ask', ask, { client })
    await clock.advance(1001)
    expect(await held).toMatchObject({ code: 'upstream_timeout' })
  })

  test('does not wait longer for a client than 10 minutes', async () => {
    const clock = new FakeClock()
    const client = new RecordingClient()
    const { connection } = await open(kind, { client, clock })
    const answer = call(connection, 'ask', { method: 'roots/list' }, { client })
    const { signal } = await eventually(() => client.asked[0])
    await clock.advance(599_999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.aborted).toBe(true)
    expect(await answer).toEqual({ code: -31_014, message: 'The client gave no answer in time' })
  })

  test('has what it tells the client passed on, every field of it, before the answer of the call', async () => {
    const client = new RecordingClient({ elicitation: { url: {} } })
    const { connection } = await open(kind, { client })
    const messages = [
      { method: 'notifications/message', params: { level: 'info', data: { a: 1 }, x1: { y: 1 } } },
      { method: 'notifications/elicitation/complete', params: { elicitationId: 'e', x2: 2 } },
      { method: 'notifications/tasks/status', params: { taskId: 't', status: 'working', x3: 3 } },
      { method: 'notifications/vendor/news', params: { x4: [4] } },
    ]
    for (const message of messages) await call(connection, 'say', message, { client })
    expect(client.told).toEqual(messages)
  })

  test('has what it tells outside of any call passed on to the one client of the connection', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    const message = { method: 'notifications/message', params: { level: 'info', data: 'a' } }
    await call(connection, 'say-apart', message, {})
    await eventually(() => client.told.length > 0)
    expect(client.told).toEqual([message])
  })

  test('has what it tells over a shared connection dropped where nobody knows whom it concerns', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, {})
    const name = kind === 'streamable-http' ? 'say-apart' : 'say'
    await call(connection, name, { method: 'notifications/message', params: { level: 'info' } }, { client })
    await call(connection, 'echo', {}, { client })
    expect(client.told).toEqual([])
  })

  test('hears the notifications of its client, every field of them', async () => {
    const client = new RecordingClient()
    const { connection } = await open(kind, { client })
    connection.notify('notifications/roots/list_changed', { x1: 1 })
    connection.notify('notifications/vendor/news', { x2: { y: 2 } })
    const heard = await eventually(async () => {
      const all = (await call(connection, 'heard', {}, {})) as unknown[]
      return all.length > 1 && all
    })
    expect(heard).toEqual([
      { method: 'notifications/roots/list_changed', params: { x1: 1 } },
      { method: 'notifications/vendor/news', params: { x2: { y: 2 } } },
    ])
    await connection.close()
    expect(() => connection.notify('notifications/vendor/late', undefined)).not.toThrow()
  })
})

// Over Streamable HTTP there is no stream yet by which a server could ask that early.
test.each(['sse', 'stdio'])('a legacy server over %s may ask as soon as it has been opened', async (kind) => {
  const client = new RecordingClient().replying({ roots: [{ uri: 'file:///a' }] })
  const { connection } = await open(kind, { client, asksAtOnce: true })
  const answer = await eventually(async () => (await call(connection, 'learnt', {}, {})) ?? undefined)
  expect(answer).toEqual({ roots: [{ uri: 'file:///a' }] })
})
