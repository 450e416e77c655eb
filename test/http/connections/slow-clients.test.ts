import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import pino from 'pino'
import { SlowClients, type SlowReason } from '../../../src/http/connections/slow-clients.ts'
import { HttpListener } from '../../../src/http/listen.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MB = 1_000_000
const LARGE = Buffer.alloc(8 * MB)

let clock: FakeClock
let lines: string[]
let closed: SlowReason[]
let slowClients: SlowClients
let listener: HttpListener
let clients: Socket[]
/** The gateway's ends of the connections, by the path that was asked for. */
let ends: Map<string, Socket>

/** `/tenant/...` has that tenant, and a large response. */
const answerLarge: RequestListener = ({ url = '', socket }, response) => {
  socket.tenantId = url.split('/')[1] ?? ''
  ends.set(url, socket)
  response.end(LARGE)
}

async function listen(options: { maxUnreadBytes?: number; sendTimeoutMs?: number } = {}): Promise<void> {
  const logger = pino({}, { write: (line) => void lines.push(line) })
  slowClients = new SlowClients({
    maxUnreadBytes: 20 * MB,
    sendTimeoutMs: 60_000,
    clock,
    logger,
    onClosed: (reason) => closed.push(reason),
    ...options,
  })
  listener = await HttpListener.open({ host: '127.0.0.1', port: 0, slowClients })
  listener.serve(answerLarge)
}

beforeEach(() => {
  clock = new FakeClock()
  lines = []
  closed = []
  clients = []
  ends = new Map()
})

afterEach(async () => {
  for (const socket of clients) socket.destroy()
  await listener.close(0)
})

/** Sends a request whose response nobody reads, and waits until that is written. */
async function ask(path: string, more = ''): Promise<Socket> {
  const socket = connect(listener.port, '127.0.0.1').pause()
  socket.on('error', () => undefined)
  clients.push(socket)
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`)
  await eventually(() => ends.has(path))
  return socket
}

/** Which connections are still open. */
const open = (): string[] => [...ends].flatMap(([path, { destroyed }]) => (destroyed ? [] : [path]))

test('above the limit of unread data, the tenant with the most loses the connections that have buffered it the longest', async () => {
  await listen()
  await ask('/modest/1')
  await clock.advance(250)
  for (const path of ['/greedy/1', '/greedy/2', '/greedy/3']) {
    await ask(path)
    await clock.advance(250)
  }
  expect(open()).toEqual(['/modest/1', '/greedy/3'])
  expect(closed).toEqual(['unread_limit', 'unread_limit'])
})

test('a message of a WebSocket that does not end counts like unread data, and one that has ended does not', async () => {
  await listen()
  listener.serve((request) => {
    ends.set(request.url ?? '', Object.assign(request.socket.resume(), { messages: 0, tenantId: 'acme' }))
  })
  const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\n'
  for (const path of ['/ws/1', '/ws/2', '/ws/3']) (await ask(path, upgrade)).resume()
  await clock.advance(250)
  const [first, second, third] = [...ends.values()]
  for (const socket of clients) socket.write(LARGE)
  await eventually(() => [...ends.values()].every(({ bytesRead }) => bytesRead > LARGE.length))
  if (second !== undefined) second.messages = 1
  await clock.advance(250)
  expect(open()).toEqual(['/ws/1', '/ws/2', '/ws/3'])
  for (const socket of clients.slice(0, 1)) socket.write(LARGE)
  await eventually(() => Number(first?.bytesRead) > 2 * LARGE.length)
  await clock.advance(250)
  expect([first?.destroyed, second?.destroyed, third?.destroyed]).toEqual([true, false, false])
  expect(closed).toEqual(['unread_limit'])
})

test('unread data within the limit stays buffered', async () => {
  await listen()
  await ask('/one/1')
  await ask('/two/1')
  await clock.advance(10_000)
  expect(open()).toEqual(['/one/1', '/two/1'])
})

test('what is closed for unread data is logged once a minute, with the tenant and the number so far', async () => {
  await listen({ maxUnreadBytes: MB })
  for (const path of ['/greedy/1', '/greedy/2']) await ask(path)
  await clock.advance(250)
  await ask('/greedy/3')
  await clock.advance(59_000)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { closed: 1, tenant: 'greedy', maxUnreadBytes: 1_000_000, sendTimeoutMs: 60_000 },
  ])
  await clock.advance(1000)
  await ask('/greedy/4')
  await clock.advance(250)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ closed: 1 }, { closed: 4 }])
})

test('a client that reads nothing for the send timeout loses its connection', async () => {
  await listen({ sendTimeoutMs: 20 })
  await ask('/slow/1')
  await clock.advance(250)
  await eventually(() => open().length === 0, { what: 'the end of the connection' })
  expect(closed).toEqual(['send_timeout'])
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { msg: 'a client did not read its response for the send timeout; its connection is closed' },
  ])
})

test('a client that reads nothing of an upgraded connection for the send timeout loses it', async () => {
  await listen({ sendTimeoutMs: 20 })
  listener.serve((request) => {
    ends.set(request.url ?? '', request.socket)
    request.socket.write(LARGE)
  })
  await ask('/ws', 'connection: upgrade\r\nupgrade: websocket\r\n')
  await clock.advance(250)
  await eventually(() => open().length === 0, { what: 'the end of the connection' })
  expect(closed).toEqual(['send_timeout'])
})

test('a client that reads slowly keeps its connection for longer than the send timeout, and gets everything', async () => {
  await listen({ sendTimeoutMs: 2000 })
  const socket = await ask('/slow/1')
  await clock.advance(250)
  let bytes = 0
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  const start = performance.now()
  while (performance.now() - start < 3000) {
    socket.resume()
    await once(socket, 'data')
    socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  socket.resume()
  await eventually(() => bytes > LARGE.length)
  expect(open()).toEqual(['/slow/1'])
  expect(closed).toEqual([])
})

test('a stream that was behind once may be silent for longer than the send timeout', async () => {
  await listen({ sendTimeoutMs: 300 })
  let say: (text: string) => void = () => undefined
  listener.serve((request, response) => {
    ends.set(request.url ?? '', request.socket)
    response.write(LARGE)
    say = (text) => void response.write(text)
  })
  const socket = await ask('/stream')
  await clock.advance(250)
  socket.resume()
  await eventually(() => ends.get('/stream')?.writableLength === 0)
  await clock.advance(250)
  expect(ends.get('/stream')?.timeout).toBe(0)
  say('more')
  await eventually(() => ends.get('/stream')?.writableLength === 0)
  expect(open()).toEqual(['/stream'])
})

test('what waits for a client counts as being read until it has taken nothing for two seconds, and again when it takes more', async () => {
  await listen()
  listener.serve(({ url = '', socket: end }, response) => {
    ends.set(url, end)
    response.end(Buffer.alloc(16 * MB))
  })
  const socket = await ask('/slow/1')
  await eventually(() => slowClients.beingRead === ends.get('/slow/1')?.writableLength)
  const before = slowClients.beingRead
  await clock.advance(1999)
  expect([before > MB, slowClients.beingRead === before]).toEqual([true, true])
  await clock.advance(1)
  expect(slowClients.beingRead).toBe(0)
  // The system takes more when a part of its buffer is free.
  for (let bytes = 0; bytes < 12 * MB && slowClients.beingRead === 0;) {
    socket.resume()
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    socket.pause()
    bytes += chunk.length
  }
  expect(slowClients.beingRead).toBeGreaterThan(0)
})

test('nothing is checked while there are no connections', async () => {
  await listen()
  const socket = await ask('/one/1')
  expect(clock.pending).toBe(1)
  socket.destroy()
  await eventually(() => clock.pending === 0)
  expect(clock.pending).toBe(0)
})
