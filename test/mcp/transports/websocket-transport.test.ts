import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { WebSocket, WebSocketServer } from 'ws'
import { type Admit, admitAtOnce, type GatedWork } from '../../../src/domain/concurrency/gated-work.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { RequestIds } from '../../../src/mcp/request-ids.ts'
import { WebSocketListens } from '../../../src/mcp/transports/websocket-listens.ts'
import { WebSocketTransport } from '../../../src/mcp/transports/websocket-transport.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'
import { answeredCalls } from '../../support/routing.ts'

type LogLine = { readonly level: number; readonly msg: string; readonly dropped?: number }

let clock: FakeClock
let logged: LogLine[]
let server: Server
let admit: Admit
/** Ends the calls that are under way. */
let held: ((result: JsonObject) => void)[]
let sockets: WebSocketServer

beforeEach(async () => {
  clock = new FakeClock()
  logged = []
  admit = admitAtOnce
  held = []
  server = createServer()
  sockets = new WebSocketServer({ server })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(() => {
  for (const socket of sockets.clients) socket.terminate()
  server.close()
})

/** Both ends of a connection; the client's may be told not to answer pings. */
async function pair(options: {
  autoPong: boolean
}): Promise<{ client: WebSocket; transport: WebSocketTransport }> {
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options)
  const [[socket]] = (await Promise.all([once(sockets, 'connection'), once(client, 'open')])) as [
    [WebSocket],
    unknown,
  ]
  const listens = new WebSocketListens({
    calls: answeredCalls(() => new Promise((resolve) => held.push(resolve))),
    callerOf: () => ({ principal: principal(), requestId: 'r', transport: 'websocket', sessionId: 's' }),
    scope: undefined,
    send: () => undefined,
  })
  const logger = pino({}, { write: (line) => logged.push(JSON.parse(line) as LogLine) })
  const transport = new WebSocketTransport({
    socket,
    clock,
    ids: new RequestIds(),
    listens,
    admit: (work) => admit({ ...work, owner: { tenant: 'a', principal: 'a.1' } }),
    hold: () => undefined,
    logger,
  })
  await transport.start()
  return { client, transport }
}

test('a client that answers no ping loses its connection after two that it missed', async () => {
  const { client, transport } = await pair({ autoPong: false })
  const closed = Promise.withResolvers<void>()
  transport.onclose = () => closed.resolve()
  for (let ping = 1; ping <= 2; ping += 1) {
    const pinged = once(client, 'ping')
    await clock.advance(30_000)
    await pinged
  }
  expect(client.readyState).toBe(WebSocket.OPEN)
  await clock.advance(30_000)
  await closed.promise
  await once(client, 'close')
  expect(clock.pending).toBe(0)
})

test('a client that answers pings, or sends anything at all, keeps its connection', async () => {
  const quiet = await pair({ autoPong: true })
  const busy = await pair({ autoPong: false })
  for (let ping = 0; ping < 5; ping += 1) {
    const heard = once(busy.client, 'message')
    busy.client.send('{}')
    await heard
    const [socket] = sockets.clients
    const ponged = once(socket ?? quiet.client, 'pong')
    await clock.advance(30_000)
    await ponged
  }
  expect([quiet.client.readyState, busy.client.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN])
})

test('a client that does not read loses its connection before what waits for it fills the memory', async () => {
  const { client, transport } = await pair({ autoPong: true })
  client.pause()
  let isClosed = false
  transport.onclose = () => (isClosed = true)
  let sent = 0
  await eventually(() => {
    sent += 1
    void transport.send({ jsonrpc: '2.0', method: 'x', params: { text: 'x'.repeat(1_000_000) } })
    return isClosed
  })
  expect(sent).toBeGreaterThan(16)
  expect(sent).toBeLessThan(100)
})

test('a client that sends pings and does not read loses its connection too', async () => {
  const { client, transport } = await pair({ autoPong: true })
  client.on('error', () => undefined)
  let isClosed = false
  transport.onclose = () => (isClosed = true)
  client.pause()
  const sendPings = (): boolean => {
    for (let ping = 0; ping < 5000; ping += 1) client.ping('x'.repeat(125))
    return isClosed
  }
  expect(await eventually(sendPings)).toBe(true)
})

test('of notifications over the limit, the first and at the end their number are logged', async () => {
  const { client, transport } = await pair({ autoPong: true })
  const seen: unknown[] = []
  transport.onmessage = (message) => seen.push(message)
  const closed = Promise.withResolvers<void>()
  transport.onclose = () => closed.resolve()
  const last = once(client, 'message')
  for (let count = 0; count < 507; count += 1)
    client.send('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}')
  client.send('the end')
  await last
  expect(seen).toHaveLength(500)
  const line = { level: 40, msg: 'a client sends too many notifications; those over the limit are dropped' }
  expect(logged).toMatchObject([line])
  client.close()
  await closed.promise
  expect(logged).toMatchObject([
    line,
    { level: 30, dropped: 7, msg: 'notifications of a client were dropped' },
  ])
})

/** A connection whose requests wait until they are admitted, and what it has delivered and sent. */
async function waitingPair(): Promise<{
  client: WebSocket
  waiting: GatedWork[]
  over: unknown[]
  delivered: unknown[]
  answers: unknown[]
  transport: WebSocketTransport
}> {
  const waiting: GatedWork[] = []
  const over: unknown[] = []
  admit = (work) => {
    waiting.push(work)
    return () => over.push(work)
  }
  const { client, transport } = await pair({ autoPong: true })
  const delivered: unknown[] = []
  const answers: unknown[] = []
  transport.onmessage = (message) => delivered.push('method' in message ? message.method : message)
  client.on('message', (data) => answers.push(JSON.parse((data as Buffer).toString())))
  return { client, waiting, over, delivered, answers, transport }
}

const request = (id: number): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list' })

test('requests wait for their turn among those of others, and what answers or notifies does not', async () => {
  const { client, waiting, over, delivered, transport } = await waitingPair()
  client.send(request(1))
  client.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' }))
  client.send(JSON.stringify({ jsonrpc: '2.0', id: 7, result: {} }))
  await eventually(() => delivered.length === 2)
  expect([delivered, waiting.map(({ owner }) => owner)]).toEqual([
    ['notifications/roots/list_changed', { jsonrpc: '2.0', id: 7, result: {} }],
    [{ tenant: 'a', principal: 'a.1' }],
  ])
  waiting[0]?.begin()
  expect([delivered.at(-1), over]).toEqual(['tools/list', []])
  await transport.send({ jsonrpc: '2.0', id: 1, result: {} })
  expect(over).toEqual(waiting)
})

test('a request that is refused is answered with the time to wait, and its id is free again', async () => {
  const { client, waiting, delivered, answers } = await waitingPair()
  client.send(request(1))
  await eventually(() => waiting.length === 1)
  waiting[0]?.refuse()
  await eventually(() => answers.length === 1)
  expect(answers).toEqual([
    {
      jsonrpc: '2.0',
      id: 1,
      error: {
        code: -31_005,
        message: 'The gateway is overloaded',
        data: expect.objectContaining({ code: 'overloaded', retryAfterMs: 1000 }),
      },
    },
  ])
  client.send(request(1))
  await eventually(() => waiting.length === 2)
  expect(delivered).toEqual([])
})

test('a request that is cancelled, or whose connection ends, waits no longer', async () => {
  const { client, waiting, over } = await waitingPair()
  client.send(request(1))
  client.send(request(2))
  client.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }))
  await eventually(() => over.length === 1)
  expect([waiting.length, over]).toEqual([2, [waiting[0]]])
  client.terminate()
  await eventually(() => over.length === 2)
  expect(over).toEqual(waiting)
})

const listenTo = (id: number, resourceSubscriptions: string[]): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'subscriptions/listen',
    params: { notifications: { resourceSubscriptions } },
  })
const cancel = (requestId: number): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
const many = Array.from({ length: 100 }, (_, index) => `x:${index}`)

test('a listen waits for its turn, in which it makes its subscriptions', async () => {
  const { client, waiting, over, delivered } = await waitingPair()
  client.send(listenTo(1, ['x:a']))
  await eventually(() => waiting.length === 1)
  expect(held).toEqual([])
  waiting[0]?.begin()
  await eventually(() => held.length === 1)
  expect([delivered, over]).toEqual([[], []])
  held[0]?.({})
  await eventually(() => delivered.length === 1)
  expect([delivered, over]).toEqual([['subscriptions/listen'], waiting])
})

test('a listen that is cancelled keeps its place and its id until what it began has ended', async () => {
  const { client, waiting, over, answers } = await waitingPair()
  client.send(listenTo(1, many))
  await eventually(() => waiting.length === 1)
  waiting[0]?.begin()
  await eventually(() => held.length === 10)
  client.send(cancel(1))
  client.send(listenTo(1, many))
  await eventually(() => answers.length === 1)
  expect(answers).toMatchObject([{ id: null, error: { data: { code: 'invalid_request' } } }])
  expect([over, held.length]).toEqual([[], 10])
  for (const end of held) end({})
  await eventually(() => over.length === 1)
  client.send(listenTo(1, many))
  await eventually(() => waiting.length === 2)
  expect(held).toHaveLength(10)
})

test('listens that were cancelled count until what they began has ended', async () => {
  const { client, answers } = await waitingPair()
  admit = admitAtOnce
  for (let id = 0; id < 16; id += 1) client.send(listenTo(id, [`x:${id}`]))
  await eventually(() => held.length === 16)
  for (let id = 0; id < 16; id += 1) client.send(cancel(id))
  client.send(listenTo(16, ['x:16']))
  await eventually(() => answers.length === 1)
  expect(answers).toMatchObject([{ id: 16, error: { code: -31_004, data: { code: 'too_many_requests' } } }])
})

test('a listen whose connection ends makes no further subscription', async () => {
  const { client, waiting, over } = await waitingPair()
  client.send(listenTo(1, many))
  await eventually(() => waiting.length === 1)
  waiting[0]?.begin()
  await eventually(() => held.length === 10)
  const closed = once(client, 'close')
  client.terminate()
  await closed
  await eventually(() => sockets.clients.size === 0)
  for (const end of held) end({})
  await eventually(() => over.length === 1)
  expect(held).toHaveLength(10)
})
