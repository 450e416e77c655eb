import { beforeEach, expect, test } from '@jest/globals'
import type { JSONRPCMessage } from '@modelcontextprotocol/client'
import { ServerRequests } from '../../../src/upstream/messages/server-requests.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
let sent: JSONRPCMessage[]
let requests: ServerRequests
let whenSent: () => Promise<void>

beforeEach(() => {
  clock = new FakeClock()
  sent = []
  whenSent = () => Promise.resolve()
  requests = new ServerRequests({
    send: (message) => {
      sent.push(message)
      return whenSent()
    },
    clock,
    askTimeoutMs: 1000,
    declared: {},
  })
})

async function flood(method: string, count: number): Promise<number> {
  const before = sent.length
  for (let id = 0; id < count; id += 1) {
    requests.receive({ id, method, params: undefined }, () => undefined)
    if (id % 50 === 0) await clock.advance(0)
  }
  return sent.length - before
}

test('a ping is answered, also where the client can be asked nothing', () => {
  requests.receive({ id: 'p', method: 'ping', params: undefined }, () => undefined)
  expect(sent).toEqual([{ jsonrpc: '2.0', id: 'p', result: {} }])
})

test.each(['ping', 'roots/list'])('of a flood of %s a hundred are answered in a second', async (method) => {
  expect(await flood(method, 1000)).toBe(100)
  await clock.advance(999)
  expect(await flood(method, 1000)).toBe(0)
  await clock.advance(1)
  expect(await flood(method, 1000)).toBe(100)
})

test('no more than a hundred answers to a flood are under way, however long they take', async () => {
  whenSent = () => new Promise(() => undefined)
  expect(await flood('ping', 200)).toBe(100)
  await clock.advance(5000)
  expect(await flood('ping', 200)).toBe(0)
})
