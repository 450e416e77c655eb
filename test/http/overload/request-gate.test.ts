import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { gated } from '../../../src/http/overload/request-gate.ts'
import { WorkGate } from '../../../src/http/overload/work-gate.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'

const MAX = 16
const IDLE = { delayMs: 0, turnMs: 0, utilization: 0, memory: 0 }

let clock: FakeClock
let load: typeof IDLE
let workMs: number
let gate: WorkGate
let server: Server
let url: string
/** What is being served, in the order in which it came to be. */
let served: { readonly name: string; readonly response: ServerResponse }[]

async function open(max: number): Promise<void> {
  clock = new FakeClock()
  load = IDLE
  workMs = 0
  served = []
  const cached = (token: string): never =>
    ({ principal: principal({ tenantId: token.split('.', 1)[0] ?? '', subject: token }) }) as never
  gate = new WorkGate({
    max,
    load: { read: () => load, stop: () => undefined },
    readWork: () => workMs,
    clock,
  })
  server = createServer(
    gated(
      { admit: gate.admit, verifier: { cached }, clock, addressOf: () => undefined },
      ({ url: name = '' }, response) => served.push({ name, response }),
    ),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(): Promise<void> {
  gate.close()
  for (const { response } of served) response.end()
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

beforeEach(() => open(MAX))
afterEach(close)

/** Sends a request; its answer is awaited by whoever wants it. */
function send(name: string, token = 'a.1', headers: Record<string, string> = {}): Promise<Response> {
  const sent = fetch(`${url}/${name}`, {
    method: 'GET',
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  sent.catch(() => undefined)
  return sent
}

async function fill(): Promise<void> {
  for (let count = 0; count < MAX; count += 1) void send(`first-${count}`)
  await eventually(() => served.length === MAX)
}

async function waiting(count: number): Promise<void> {
  await eventually(() => gate.waiting === count, { what: `${count} waiting` })
}

const names = (): string[] => served.slice(MAX).map(({ name }) => name.slice(1))

test('requests above the limit are queued fairly by tenant and principal, and the first request of a tenant that has none is not queued', async () => {
  await fill()
  const sent: [string, string][] = [
    ['a1', 'a.1'],
    ['a2', 'a.1'],
    ['a3', 'a.2'],
    ['b1', 'b.1'],
    ['b2', 'b.1'],
  ]
  for (const [name, token] of sent) {
    const before = served.length + gate.waiting
    void send(name, token)
    await eventually(() => served.length + gate.waiting === before + 1)
  }
  expect([names(), gate.waiting]).toEqual([['b1'], 4])
  for (let count = 0; count < 5; count += 1) {
    served[count]?.response.end()
    await eventually(() => served.length === Math.min(MAX + 1 + count, MAX + 5))
  }
  expect(names()).toEqual(['b1', 'a1', 'b2', 'a3', 'a2'])
})

test('what waits for more than a second is refused with the time to wait, in the form of its path', async () => {
  await fill()
  const rest = send('v1/tools')
  const mcp = send('mcp')
  await waiting(2)
  await clock.advance(1100)
  for (const [answer, type] of [
    [await rest, 'application/problem+json'],
    [await mcp, 'application/json'],
  ] as const) {
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('content-type')]).toEqual([
      503,
      '1',
      type,
    ])
    expect(await answer.text()).toContain('"code":"overloaded"')
  }
})

test('probes and streams pass', async () => {
  await fill()
  void send('healthz')
  void send('mcp', 'a.1', { accept: 'text/event-stream' })
  await eventually(() => served.length === MAX + 2)
  expect(gate.inProgress).toBe(MAX)
})

test('a client that goes away while it waits is forgotten', async () => {
  await fill()
  const gone = new AbortController()
  void fetch(`${url}/gone`, { signal: gone.signal }).catch(() => undefined)
  await waiting(1)
  gone.abort()
  await waiting(0)
  expect(served).toHaveLength(MAX)
})

/** Sends requests of one token, each when the one before is served or waits. */
async function sendInOrder(sent: string[], token: string): Promise<void> {
  for (const name of sent) {
    const before = served.length + gate.waiting
    void send(name, token)
    await eventually(() => served.length + gate.waiting === before + 1, { what: `${name} has arrived` })
  }
}

const servedNames = (): string[] => served.map(({ name }) => name.slice(1))

async function becomeBusy(): Promise<void> {
  load = { delayMs: 300, turnMs: 3, utilization: 1, memory: 0 }
  await clock.advance(1000)
}

test('while the event loop is busy, few requests of several tenants are in progress: a tenant with less than its share does not wait, and those that wait take turns', async () => {
  await becomeBusy()
  await sendInOrder(['a1', 'a2', 'a3', 'a4'], 'a.1')
  await sendInOrder(['b1'], 'b.1')
  await sendInOrder(['a5', 'a6', 'a7'], 'a.1')
  await sendInOrder(['b2', 'b3', 'b4'], 'b.1')
  expect([servedNames(), gate.waiting]).toEqual([['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3'], 4])
  for (let count = 0; count < 7; count += 1) {
    served[count]?.response.end()
    await eventually(() => served.length === 7 + Math.max(0, count - 2))
  }
  expect(servedNames().slice(7)).toEqual(['a5', 'b4', 'a6', 'a7'])
})

test('a loop whose turns are short takes more requests of several tenants, however late timers are on a busy machine', async () => {
  load = { delayMs: 300, turnMs: 0.2, utilization: 0.8, memory: 0 }
  await clock.advance(1000)
  await sendInOrder(['a1', 'a2', 'a3', 'a4', 'a5', 'a6'], 'a.1')
  await sendInOrder(['b1', 'b2', 'b3'], 'b.1')
  expect([served.length, gate.waiting]).toEqual([9, 0])
})

test('where many principals share a busy event loop, turns may be longer, so that none of them waits to begin', async () => {
  load = { delayMs: 300, turnMs: 1, utilization: 1, memory: 0 }
  const principals = Array.from({ length: 12 }, (_, index) => `a.${index}`)
  for (const token of principals) await sendInOrder([token], token)
  for (const { response } of served.slice()) response.end()
  await eventually(() => gate.inProgress === 0)
  await clock.advance(1000)
  for (const token of principals) await sendInOrder([`again-${token}`], token)
  expect([served.length, gate.waiting]).toEqual([24, 0])
})

test('one principal next to many of another tenant does not wait for long turns', async () => {
  load = { delayMs: 300, turnMs: 1, utilization: 1, memory: 0 }
  for (let count = 0; count < 12; count += 1) await sendInOrder([`a${count}`], `a.${count}`)
  await sendInOrder(['b1'], 'b.1')
  for (const { response } of served.slice()) response.end()
  await eventually(() => gate.inProgress === 0)
  await clock.advance(1000)
  await sendInOrder(['a1', 'a2', 'a3', 'a4'], 'a.1')
  await sendInOrder(['b1'], 'b.1')
  await sendInOrder(['a5', 'a6', 'a7'], 'a.1')
  expect([served.length, gate.waiting]).toEqual([18, 3])
})

test('one principal alone has all the time of a busy event loop', async () => {
  await becomeBusy()
  await sendInOrder(['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'], 'a.1')
  expect([served.length, gate.waiting]).toEqual([8, 0])
})

test('calls that wait for slow servers do not block others while the event loop is busy', async () => {
  await becomeBusy()
  await sendInOrder(['a1', 'a2', 'a3', 'a4'], 'a.1')
  await sendInOrder(['b1', 'b2'], 'b.1')
  await sendInOrder(['a5', 'a6'], 'a.1')
  expect(gate.waiting).toBeGreaterThan(0)
  workMs += 60
  await clock.advance(100)
  await eventually(() => gate.waiting === 0)
  expect(served).toHaveLength(8)
})

test('what waits for more than a second is refused where a tenant has more of it than others, until it has not', async () => {
  await fill()
  await sendInOrder(['b1', 'b2', 'b3'], 'b.1')
  for (let count = 0; count < 12; count += 1) void send('any', 'a.1')
  await eventually(() => served.length + gate.waiting === MAX + 15)
  await clock.advance(1000)
  expect(gate.waiting).toBe(5)
  for (let count = 0; count < 6; count += 1) {
    served[count]?.response.end()
    await eventually(() => served.length + gate.waiting === MAX + 6 && served.length >= MAX + 1 + count)
  }
  expect(names()).toEqual(['any', 'b1', 'any', 'b2', 'any', 'b3'])
})

test('few requests that wait for the event loop are not refused, however long it takes', async () => {
  await becomeBusy()
  await sendInOrder(['a1', 'a2', 'a3', 'a4'], 'a.1')
  await sendInOrder(['b1', 'b2'], 'b.1')
  await sendInOrder(['a5', 'a6'], 'a.1')
  const before = gate.waiting
  expect(before).toBeGreaterThan(0)
  await clock.advance(4000)
  expect(gate.waiting).toBe(before)
})

test('many requests that wait only for their turn among others are not refused after a second', async () => {
  await becomeBusy()
  await sendInOrder(['b1', 'b2', 'b3', 'b4', 'b5'], 'b.1')
  for (let count = 0; count < 20; count += 1) void send('any', 'a.1')
  await eventually(() => served.length + gate.waiting === 25)
  const before = gate.waiting
  expect(before).toBeGreaterThan(16)
  await clock.advance(4000)
  expect(gate.waiting).toBe(before)
})

test('the number of calls to slow servers does not count against queued requests', async () => {
  await close()
  await open(200)
  for (let count = 0; count < 200; count += 1) void send('slow', count % 2 === 0 ? 'a.1' : 'b.1')
  await eventually(() => served.length === 200)
  await sendInOrder(['a1'], 'a.1')
  await sendInOrder(['b1'], 'b.1')
  load = { delayMs: 300, turnMs: 3, utilization: 1, memory: 0 }
  workMs += 60
  await clock.advance(500)
  for (const { response } of served.slice(0, 50)) response.end()
  await eventually(() => gate.waiting === 0)
  expect(
    served
      .slice(200)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['/a1', '/b1'])
})
