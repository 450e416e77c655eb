import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { echoed, type HostileWorld, startHostileWorld } from '../support/hostile-world.ts'
import {
  initialize,
  legacyClient,
  MODERN,
  modernClient,
  postMcp,
  type RawClient,
  rawClient,
  withEnvelope,
} from '../support/raw-mcp.ts'
import { soak } from '../support/soak.ts'

let world: HostileWorld
let session: RawClient

beforeAll(async () => {
  world = await startHostileWorld()
  session = await legacyClient(world.gateway.url, world.token)
})

afterAll(() => world.close())

afterEach(() => world.checkForeignCall())

function post(body: unknown, headers: Record<string, string> = {}): ReturnType<typeof postMcp> {
  return postMcp(world.gateway.url, world.token, body, { headers })
}

/** The headers of a message in the open session. */
function inSession(): Record<string, string> {
  return { 'mcp-session-id': session.sessionId ?? '', 'mcp-protocol-version': '2025-11-25' }
}

const ping = (fields: Record<string, unknown>): unknown => ({ jsonrpc: '2.0', method: 'ping', ...fields })

describe.each([
  ['outside of a session', () => ({})],
  ['in a session', inSession],
])('%s', (_where, headers) => {
  test.each([
    ['text that is not JSON', '{', -32700],
    ['an empty body', '', -32600],
    ['JSON that is no object', '"text"', -32700],
    ['an empty batch', [], -32600],
    ['a batch', [ping({ id: 1 }), ping({ id: 2 })], -32600],
    ['a batch with the same id twice', [ping({ id: 1 }), ping({ id: 1 })], -32600],
    ['101 requests at once', Array.from({ length: 101 }, (_, id) => ping({ id })), -32600],
    ['the id null', ping({ id: null }), -32600],
    ['an object as id', ping({ id: {} }), -32600],
    ['a fraction as id', ping({ id: 1.5 }), -32600],
    ['an infinite id', '{"jsonrpc":"2.0","id":1e400,"method":"ping"}', -32600],
    ['true as id', ping({ id: true }), -32600],
    ['another JSON-RPC version', ping({ id: 1, jsonrpc: '1.0' }), -32600],
    ['no method', { jsonrpc: '2.0', id: 1 }, -32600],
    ['METHOD', { jsonrpc: '2.0', id: 1, METHOD: 'ping' }, -32600],
    ['5,000 levels', '['.repeat(5000) + ']'.repeat(5000), -32600],
    [
      '100,000 levels in the parameters',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
      -32600,
    ],
  ])('%s is refused with 400', async (_what, body, code) => {
    const answer = await post(body, headers())
    expect([answer.status, answer.message.error?.code]).toEqual([400, code])
    expect(answer.text).not.toMatch(/node_modules|at .*:\d+:\d+|\/src\//)
  })
})

describe('the revision', () => {
  test('that nobody knows is negotiated at initialize and refused afterwards', async () => {
    const opened = await post(initialize(1, '1999-01-01'))
    expect(opened.message.result?.['protocolVersion']).toBe('2025-11-25')
    const later = await post(ping({ id: 1 }), { ...inSession(), 'mcp-protocol-version': '1999-01-01' })
    expect(later.status).toBe(400)
  })

  test('a second initialize, and a request before the first, are refused', async () => {
    expect((await post(initialize(1), inSession())).message.error?.code).toBe(-32600)
    expect((await post(ping({ id: 1 }))).message.error?.code).toBe(-32600)
  })

  test('an unknown method is -32601, with 404 where the revision wants it', async () => {
    for (const method of ['no/such', '__proto__', 'constructor']) {
      const old = await session.request(method)
      expect([old.status, old.message.error?.code]).toEqual([200, -32601])
      const now = await modernClient(world.gateway.url, world.token).request(method)
      expect([now.status, now.message.error?.code]).toEqual([404, -32601])
    }
  })

  test.each([
    ['no Mcp-Method', { 'mcp-protocol-version': MODERN }],
    ['another Mcp-Method', { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' }],
    [
      'an Mcp-Method that opens a stream',
      { 'mcp-protocol-version': MODERN, 'mcp-method': 'subscriptions/listen' },
    ],
    [
      'another Mcp-Name',
      { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'sample_pid' },
    ],
    [
      'a broken Mcp-Name',
      { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': '=?base64?!!?=' },
    ],
    ['another version', { 'mcp-protocol-version': '2027-01-01', 'mcp-method': 'tools/call' }],
  ])('%s in the headers than in the body is refused', async (_what, headers) => {
    const params = withEnvelope({ name: 'sample_echo', arguments: {} })
    const answer = await post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }, headers)
    expect([answer.status, answer.message.error?.code]).toEqual([400, -32020])
  })
})

describe.each(['legacy', 'modern'] as const)('a call of a %s client', (era) => {
  test.each([
    '__proto__',
    'constructor',
    'toString',
    '',
    'sample_',
    'sample___proto__',
    'sample_constructor',
    '../x',
    '😀',
    'sample_echo\0',
    'x'.repeat(10_240),
  ])('of the tool %j is -32602', async (name) => {
    const client = await rawClient(era, world.gateway.url, world.token)
    const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`
    const answer = await client.request(
      'tools/call',
      { name, arguments: {} },
      { headers: { 'mcp-name': encoded } },
    )
    expect([answer.status, answer.message.error?.code]).toEqual([200, -32602])
    expect(answer.text.length).toBeLessThan(1000)
  })

  test.each([[[]], ['text'], [5]])('with the arguments %j is -32602', async (given) => {
    const client = await rawClient(era, world.gateway.url, world.token)
    const answer = await client.request('tools/call', { name: 'sample_echo', arguments: given })
    expect(answer.message.error).toMatchObject({ code: -32602, message: 'arguments must be an object' })
  })

  test('without arguments runs', async () => {
    const client = await rawClient(era, world.gateway.url, world.token)
    const answer = await client.request('tools/call', { name: 'sample_echo' })
    expect(echoed(answer.message.result)).toEqual({})
  })

  test.each([['x'], [5], [{}], [Buffer.from('{"after":1}').toString('base64url')]])(
    'that lists from the cursor %j is -32602',
    async (cursor) => {
      const client = await rawClient(era, world.gateway.url, world.token)
      expect((await client.request('tools/list', { cursor })).message.error?.code).toBe(-32602)
    },
  )
})

test('arguments named like members of every object pass as data', async () => {
  const given = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
  const call = `{"jsonrpc":"2.0","id":"p","method":"tools/call","params":{"name":"sample_echo","arguments":${given}}}`
  const { message } = await post(call, inSession())
  expect(JSON.stringify(echoed(message.result))).toBe(given)
  const rest = await world.gateway.rest(
    world.token,
    'POST',
    '/v1/tools/sample_echo',
    `{"arguments":${given}}`,
  )
  expect(JSON.stringify(echoed(rest.body))).toBe(given)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test.each([
  ['that names a place in its own form', Buffer.from('{"after":"private_a"}').toString('base64url')],
  ['that is no base64url', '%%%'],
  ['that is empty', ''],
])('a cursor %s, which the gateway never gave out, is refused', async (_what, cursor) => {
  const { message } = await modernClient(world.gateway.url, world.token).request('tools/list', { cursor })
  expect(message).toMatchObject({ error: { code: -32602, data: { code: 'invalid_cursor' } } })
})

test('no more sessions than one principal may have are open: the longest unused give way, and continue when used', async () => {
  const token = await world.gateway.token({ subject: 'eve' })
  const opened = await Promise.all(
    Array.from({ length: 150 }, (_, id) => postMcp(world.gateway.url, token, initialize(id))),
  )
  expect(opened.filter(({ status }) => status === 200)).toHaveLength(150)
  const alive = await Promise.all(
    opened.map(({ headers }) =>
      postMcp(
        world.gateway.url,
        token,
        { jsonrpc: '2.0', id: 1, method: 'ping' },
        {
          headers: { 'mcp-session-id': headers.get('mcp-session-id') ?? '' },
        },
      ),
    ),
  )
  expect(alive.filter(({ status }) => status === 200)).toHaveLength(150)
  const { body } = await world.gateway.rest(token, 'GET', '/v1/sessions')
  expect(body['sessions']).toHaveLength(100)
})

describe('in one session', () => {
  test('a second request with an id that is under way is refused, and the first goes on', async () => {
    const { state } = world.upstream
    const held = state.holding
    const first = session.request('tools/call', { name: 'sample_hold', arguments: {} }, { id: 'same' })
    await eventually(() => state.holding === held + 1)
    const refused = await session.request(
      'tools/call',
      { name: 'sample_echo', arguments: { n: 2 } },
      { id: 'same' },
    )
    expect([refused.status, refused.message.error?.code]).toEqual([400, -32600])
    expect(state.holding).toBe(held + 1)
    await session.notify('notifications/cancelled', { requestId: 'same' })
    await first
    const again = await eventually(async () => {
      const given = { name: 'sample_echo', arguments: { n: 3 } }
      const answer = await session.request('tools/call', given, { id: 'same' })
      return answer.status === 200 && answer
    })
    expect(echoed(again.message.result)).toEqual({ n: 3 })
  })

  test('an answer that nobody asked for goes nowhere', async () => {
    const seen = world.upstream.seen.length
    for (const body of [
      { jsonrpc: '2.0', id: 1, result: { action: 'accept', content: { injected: true } } },
      { jsonrpc: '2.0', id: 'q', error: { code: 1, message: 'x' } },
    ]) {
      expect((await post(body, inSession())).status).toBe(202)
    }
    expect(world.upstream.seen).toHaveLength(seen)
  })

  test('a cancellation ends the call, its stream, and no call of another session with the same id', async () => {
    const cancelled = world.upstream.state.cancelled
    const own = await legacyClient(world.gateway.url, world.token)
    const other = await legacyClient(world.gateway.url, world.foreignToken)
    const hold = (client: RawClient, requestId: string): ReturnType<RawClient['request']> =>
      client.request(
        'tools/call',
        { name: 'sample_hold', arguments: {} },
        { id: 7, headers: { 'x-request-id': requestId } },
      )
    const held = [hold(own, 'cancelled-own'), hold(other, 'cancelled-other')]
    const nowHeld = (count: number): Promise<unknown> =>
      eventually(() => world.upstream.state.holding === count, { what: `${count} calls under way` })
    await nowHeld(2)
    expect((await other.notify('notifications/cancelled', { requestId: 8 })).status).toBe(202)
    expect((await own.notify('notifications/cancelled', { requestId: 7 })).status).toBe(202)
    expect((await held[0])?.text).not.toContain('"id":7')
    await nowHeld(1)
    expect(await world.recordOf('cancelled-own')).toMatchObject({ outcome: 'cancelled', code: 'cancelled' })
    await other.notify('notifications/cancelled', { requestId: 7 })
    await held[1]
    await nowHeld(0)
    expect(world.upstream.state.cancelled).toBe(cancelled + 2)
  })
})

test('two tenants that use the same ids at the same time get their own answers only', async () => {
  const clients = await Promise.all(
    [world.token, world.foreignToken].flatMap((token) => [
      rawClient('legacy', world.gateway.url, token),
      rawClient('modern', world.gateway.url, token),
    ]),
  )
  const ids = Array.from({ length: soak(50, 15) }, (_, id) => id + 1000)
  const calls = ids.flatMap((id) =>
    clients.map(async (client, who) => {
      const mark = { who, id }
      const { message } = await client.request('tools/call', { name: 'sample_echo', arguments: mark }, { id })
      expect([message.id, echoed(message.result)]).toEqual([id, mark])
    }),
  )
  expect(await Promise.all(calls)).toHaveLength(soak(200, 60))
})
