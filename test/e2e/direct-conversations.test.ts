import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { canonicalJson } from '../../src/domain/json/json.ts'
import { eventually } from '../support/eventually.ts'
import { anyCall, conversationCalls } from '../support/direct-path/calls.ts'
import { withoutOwn } from '../support/direct-path/own-parts.ts'
import { legacyClient } from '../support/raw-mcp.ts'
import { RawConversation } from '../support/direct-path/conversations.ts'
import { PathSide } from '../support/direct-path/sides.ts'
import { soak } from '../support/soak.ts'

const CALLS = soak(1000, 40)
const SEED = Number(process.env['SEED'] ?? 20_241_105)

/** A frame of this size ends a WebSocket. */
const TOO_LARGE = 200_000

let sides: readonly PathSide[]

beforeAll(async () => {
  sides = [await PathSide.open('on'), await PathSide.open('off')]
})

afterAll(async () => {
  for (const side of sides) await side.close()
})

const hello = (id: number): unknown => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'new_hold', arguments: {} },
})

describe.each([
  ['overSse', {}],
  ['overWebSocket', {}],
  // Of these no server here is granted the first, and each the second.
  ['overSse', { roots: { listChanged: true } }],
  ['overWebSocket', { elicitation: {} }],
] as const)('a conversation %s of a client with the capabilities %j', (kind, capabilities) => {
  let both: readonly RawConversation[]

  beforeAll(async () => {
    both = await Promise.all(
      sides.map(async ({ gateway }) =>
        RawConversation[kind](gateway.url, await gateway.token(), capabilities),
      ),
    )
  })

  afterAll(() => {
    for (const conversation of both) conversation.close()
  })

  test('is the same whether its calls pass the SDK or not', async () => {
    const calls = [...conversationCalls, ...fc.sample(anyCall, { numRuns: CALLS, seed: SEED })].filter(
      ({ inSession, leaves, token, path, body }) =>
        inSession && !leaves && token === 'usual' && path === '/mcp' && body.length < TOO_LARGE,
    )
    const differences: string[] = []
    for (const [index, { body }] of calls.entries()) {
      const headers = { 'x-request-id': `${kind}-${index}` }
      for (const { servers } of sides) Object.values(servers).forEach((server) => server.take())
      const replies = await Promise.all(both.map((each) => each.exchange(body, headers)))
      const received = sides.map(({ servers }) =>
        Object.values(servers).map((server) => server.take().map(({ method }) => method)),
      )
      const [direct, general] = replies.map((reply) => canonicalJson(withoutOwn(reply)))
      const isRepeated = /redirected|http404|slow/.test(body.toString())
      if (direct !== general || (!isRepeated && canonicalJson(received[0]) !== canonicalJson(received[1])))
        differences.push(
          `${body.toString().slice(0, 400)}\n${direct}\n${general}\n${canonicalJson(received)}`,
        )
    }
    expect(calls.length).toBeGreaterThan(60)
    expect(differences.slice(0, 5)).toEqual([])
  }, 600_000)

  test('cancels a call that its client cancels, without an answer', async () => {
    for (const [at, side] of sides.entries()) {
      const conversation = both[at]
      await conversation?.send(hello(41))
      await eventually(() => side.servers.new.held() === 1, { what: 'the call at its server' })
      const params = { requestId: 41 }
      const reply = await conversation?.exchange(
        Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params })),
      )
      await eventually(() => side.servers.new.held() === 0, { what: 'the end of the call' })
      expect(reply?.messages).toEqual([])
    }
  })

  test('cancels the calls under way when it ends', async () => {
    for (const side of sides) {
      const own = await RawConversation[kind](side.gateway.url, await side.gateway.token())
      await own.send(hello(1))
      await eventually(() => side.servers.new.held() === 1, { what: 'the call at its server' })
      own.close()
      await eventually(() => side.servers.new.held() === 0, { what: 'the end of the call' })
    }
    expect(sides.map(({ servers }) => servers.new.held())).toEqual([0, 0])
  })

  test('refuses an id that is in use', async () => {
    for (const [at, side] of sides.entries()) {
      const conversation = both[at]
      await conversation?.send(hello(42))
      await eventually(() => side.servers.new.held() === 1, { what: 'the call at its server' })
      const again = await conversation?.exchange(Buffer.from(JSON.stringify(hello(42))))
      expect(`${again?.text}${JSON.stringify(again?.messages)}`).toContain(
        'A request with this id is already in progress',
      )
      await conversation?.send({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: 42 },
      })
      await eventually(() => side.servers.new.held() === 0, { what: 'the end of the call' })
    }
  })
})

test('in a session an id stays in use until its call has ended, also after its client was disconnected', async () => {
  const held = { name: 'new_hold', arguments: {} }
  const plain = { name: 'new_plain', arguments: {} }
  for (const { gateway, servers } of sides) {
    const operator = await gateway.token({ roles: ['operator'] })
    const client = await legacyClient(gateway.url, await gateway.token({ subject: 'leaver' }))
    const leaving = new AbortController()
    const left = client.request('tools/call', held, { id: 43, signal: leaving.signal }).catch(String)
    await eventually(() => servers.new.held() === 1, { what: 'the call at its server' })
    leaving.abort()
    await left
    await eventually(
      async () => {
        const { body } = await gateway.rest(operator, 'GET', '/v1/sessions')
        return (body['sessions'] as { subject: string; openStreams: number }[]).some(
          ({ subject, openStreams }) => subject === 'leaver' && openStreams === 0,
        )
      },
      { what: 'the end of the connection' },
    )
    expect(await client.request('tools/call', plain, { id: 43 })).toMatchObject({
      status: 400,
      message: { error: { code: -32_600, message: 'A request with this id is already in progress' } },
    })
    await client.notify('notifications/cancelled', { requestId: 43 })
    await eventually(() => servers.new.held() === 0, { what: 'the end of the call' })
    const free = await eventually(
      async () => {
        const answer = await client.request('tools/call', plain, { id: 43 })
        return answer.status === 200 && answer
      },
      { what: 'the id being free' },
    )
    expect(free.message).toMatchObject({ id: 43, result: {} })
  }
})
