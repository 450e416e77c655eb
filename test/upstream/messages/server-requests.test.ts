import { beforeEach, describe, expect, test } from '@jest/globals'
import type { JSONRPCMessage } from '@modelcontextprotocol/client'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { ServerRequests } from '../../../src/upstream/messages/server-requests.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { RecordingClient } from '../connection/recording-client.ts'

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
    declared: { sampling: {} },
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

describe('what a server asks a client', () => {
  const MIB = 1024 * 1024
  const tooMany = { code: -32_603, message: 'Too many requests are in progress' }

  function ask(client: RecordingClient, id: string, params: JsonObject): void {
    requests.receive({ id, method: 'sampling/createMessage', params }, () => ({ client, requests: [] }))
  }

  test.each([
    ['a text', { text: 'x'.repeat(4 * MIB) }],
    [
      'many names',
      Object.fromEntries(Array.from({ length: 5000 }, (_, index) => ['n'.repeat(1000) + index, 1])),
    ],
    ['many values', { list: Array.from({ length: 70_000 }, () => ({})) }],
  ])('is refused if it takes more than 4 MiB as %s', (_, params) => {
    const client = new RecordingClient()
    ask(client, 'q', params)
    expect(client.asked).toEqual([])
    const error = { code: -32_600, message: 'The request is larger than 4 MiB' }
    expect(sent).toEqual([{ jsonrpc: '2.0', id: 'q', error }])
  })

  test('takes 8 MiB at the same time, and an answer makes room', async () => {
    const client = new RecordingClient()
    const params = { text: 'x'.repeat(3 * MIB) }
    for (const id of ['a', 'b', 'c']) ask(client, id, params)
    expect(sent).toEqual([{ jsonrpc: '2.0', id: 'c', error: tooMany }])
    client.asked[0]?.answer({ model: 'm' })
    await clock.advance(0)
    ask(client, 'd', params)
    ask(client, 'e', params)
    expect(client.asked).toHaveLength(3)
    expect(sent.slice(1)).toEqual([
      { jsonrpc: '2.0', id: 'a', result: { model: 'm' } },
      { jsonrpc: '2.0', id: 'e', error: tooMany },
    ])
  })
})
