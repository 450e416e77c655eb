import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js'
import { WebSocketClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/websocket.js'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { echoed, type HostileWorld, startHostileWorld } from '../support/hostile-world.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { initialize, MODERN, withEnvelope } from '../support/raw-mcp.ts'
import { openSocket, type RawSocket, refusedSocket } from '../support/ws-client.ts'

let world: HostileWorld

beforeAll(async () => {
  world = await startHostileWorld()
})

afterAll(() => world.close())

afterEach(() => world.checkForeignCall())

function open(options?: Parameters<typeof openSocket>[2], token = world.token): Promise<RawSocket> {
  return openSocket(world.gateway.url, token, options)
}

const held = (count: number): Promise<unknown> =>
  eventually(() => world.upstream.state.holding === count, { what: `${count} calls under way` })

describe('the opening of a WebSocket is refused as any request is', () => {
  test.each([
    ['without the subprotocol mcp', { protocols: ['chat'] }, 400, 'invalid_request'],
    ['of a server that is not there', { path: '/ws/nosuch' }, 404, 'server_not_found'],
    ['on a longer path', { path: '/ws/sample/more' }, 404, 'not_found'],
    ['from a foreign origin', { headers: { origin: 'https://evil.example' } }, 403, 'host_not_allowed'],
    ['to a foreign host', { headers: { host: 'evil.example' } }, 403, 'host_not_allowed'],
    ['without a token', { headers: { authorization: '' } }, 401, 'invalid_token'],
  ])('%s', async (_what, options, status, code) => {
    const refused = await refusedSocket(world.gateway.url, world.token, options)
    expect(refused).toMatchObject({
      status,
      headers: { 'content-type': 'application/problem+json; charset=utf-8', connection: /close|Upgrade/ },
      body: { code, status },
    })
  })

  test('with the challenge of any refused token', async () => {
    const { status, headers } = await refusedSocket(world.gateway.url, 'none')
    expect([status, headers['www-authenticate']]).toEqual([
      401,
      `Bearer error="invalid_token", error_description="The token is not a well-formed JWT.", resource_metadata="${world.gateway.url}/.well-known/oauth-protected-resource/ws"`,
    ])
  })

  test.each([
    ['its key is none', '13', 'x', 400, 'invalid_request'],
    ['it is of another version', '8', 'AAAAAAAAAAAAAAAAAAAAAA==', 426, 'upgrade_required'],
  ])('when %s', async (_what, version, key, status, code) => {
    const { hostname, port } = new URL(world.gateway.url)
    const socket = connect(Number(port), hostname)
    socket.write(
      `GET /ws HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${world.token}\r\nconnection: upgrade\r\n` +
        `upgrade: websocket\r\nsec-websocket-version: ${version}\r\nsec-websocket-protocol: mcp\r\nsec-websocket-key: ${key}\r\n\r\n`,
    )
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    await once(socket, 'close')
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toContain(`"code":"${code}"`)
  })

  test('when it is a plain GET, or another method', async () => {
    const headers = { authorization: `Bearer ${world.token}` }
    const plain = await fetch(`${world.gateway.url}/ws`, { headers })
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket'])
    const post = await fetch(`${world.gateway.url}/ws/sample`, { method: 'POST', headers })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET'])
  })
})

test('a request for anything else is answered as if it did not ask to upgrade', async () => {
  const { hostname, port } = new URL(world.gateway.url)
  for (const upgrade of ['h2c', 'websocket']) {
    const socket = connect(Number(port), hostname)
    socket.write(
      `GET /healthz HTTP/1.1\r\nhost: ${hostname}\r\nconnection: upgrade\r\nupgrade: ${upgrade}\r\n\r\n`,
    )
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 200 OK/)
    socket.destroy()
  }
})

describe('one connection', () => {
  test('carries a legacy conversation when it begins with initialize', async () => {
    const client = await open()
    client.send(initialize(1))
    expect(await client.next()).toMatchObject({
      id: 1,
      result: { protocolVersion: '2025-11-25', serverInfo: { name: 'tool-gateway' } },
    })
    expect(await client.request(2, 'ping')).toEqual({ jsonrpc: '2.0', id: 2, result: {} })
    const answer = await client.request(3, 'tools/call', { name: 'sample_echo', arguments: { a: 1 } })
    expect(echoed(answer['result'] as Record<string, unknown>)).toEqual({ a: 1 })
    client.close()
    expect(await client.closed).toEqual({ code: 1000, reason: '' })
  })

  test('carries a modern conversation when its requests carry the envelope, and no other then', async () => {
    const client = await open()
    const listed = await client.request('a', 'tools/list', withEnvelope())
    expect(listed).toMatchObject({ id: 'a', result: { resultType: 'complete', cacheScope: 'private' } })
    client.send(initialize(2))
    expect(await client.next()).toMatchObject({
      id: 2,
      error: { code: -32022, data: { supported: [MODERN] } },
    })
    client.close()
  })

  test('carries a legacy conversation after a probe for the modern one', async () => {
    const client = await open()
    const discovered = await client.request(0, 'server/discover', withEnvelope())
    expect(discovered).toMatchObject({ result: { supportedVersions: [MODERN] } })
    client.send(initialize(1))
    expect(await client.next()).toMatchObject({ id: 1, result: { protocolVersion: '2025-11-25' } })
    client.close()
  })

  test('serves one server under its own names on a path of its own', async () => {
    const client = await open({ path: '/ws/sample' })
    client.send(initialize(1))
    await client.next()
    const answer = await client.request(2, 'tools/call', { name: 'echo', arguments: { b: 2 } })
    expect(echoed(answer['result'] as Record<string, unknown>)).toEqual({ b: 2 })
    client.close()
  })

  test('is one session of its caller, recorded with a request id for each message', async () => {
    const client = await open()
    client.send(initialize(1))
    await client.next()
    for (const id of [2, 3])
      await client.request(id, 'tools/call', { name: 'sample_echo', arguments: { id } })
    client.close()
    const auditor = await world.gateway.token({ roles: ['auditor'] })
    const records = await eventually(async () => {
      const { body } = await world.gateway.rest(auditor, 'GET', '/v1/audit?limit=1000')
      const found = (body['records'] as Record<string, unknown>[]).filter(({ face }) => face === 'websocket')
      return found.length >= 2 && found
    })
    const [last, before] = records
    expect(last?.['sessionId']).toBe(before?.['sessionId'])
    expect(last?.['requestId']).not.toBe(before?.['requestId'])
  })
})

test('the WebSocket client of the first SDK works as it is', async () => {
  const { token } = world
  const original = globalThis.WebSocket
  class Authorized extends WebSocket {
    constructor(url: URL, protocol: string) {
      super(url, protocol, { headers: { authorization: `Bearer ${token}` } })
    }
  }
  Object.assign(globalThis, { WebSocket: Authorized })
  const client = new FirstClient({ name: 'first', version: '1' })
  await client.connect(new FirstTransport(new URL('/ws', world.gateway.url.replace('http', 'ws'))))
  Object.assign(globalThis, { WebSocket: original })
  const result = await client.callTool({ name: 'sample_echo', arguments: { from: 'v1' } })
  await client.close()
  expect(echoed(result)).toEqual({ from: 'v1' })
})

describe('a frame', () => {
  test.each([
    ['that is not JSON', '{', null, -32700],
    ['that is empty', '', null, -32700],
    ['that is JSON but no object', '"text"', null, -32600],
    ['that is a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', null, -32600],
    ['without a version', '{"id":5,"method":"ping"}', 5, -32600],
    ['with the id null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', null, -32600],
    ['of 100,000 levels', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, null, -32600],
  ])('%s is refused, and the connection goes on', async (_what, frame, id, code) => {
    const client = await open()
    client.send(initialize(0))
    await client.next()
    client.send(frame)
    expect(await client.next()).toMatchObject({ jsonrpc: '2.0', id, error: { code } })
    expect(await client.request(1, 'ping')).toMatchObject({ id: 1, result: {} })
    client.close()
  })

  test.each([
    ['of bytes', Buffer.from('{}'), 1003],
    ['of more bytes than a body may have', `"${'x'.repeat(5_000_000)}"`, 1009],
  ])('%s ends the connection', async (_what, frame, code) => {
    const client = await open()
    client.send(frame)
    expect((await client.closed).code).toBe(code)
  })

  test('that is not UTF-8 ends the connection with 1007', async () => {
    const client = await open()
    client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false })
    expect((await client.closed).code).toBe(1007)
  })

  test('of too many pieces ends the connection', async () => {
    const client = await open()
    client.socket.on('error', () => undefined)
    for (let piece = 0; piece < 2000; piece += 1) client.socket.send(' ', { fin: false })
    expect((await client.closed).code).toBe(1008)
  })
})

test('an id that is under way is refused without a response to it, and is free again when it was cancelled', async () => {
  const client = await open()
  client.send(initialize(0))
  await client.next()
  client.send({
    jsonrpc: '2.0',
    id: 'x',
    method: 'tools/call',
    params: { name: 'sample_hold', arguments: {} },
  })
  await held(1)
  expect(await client.request('x', 'ping')).toMatchObject({ id: null, error: { code: -32600 } })
  client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'x' } })
  await eventually(async () => (await client.request('x', 'ping'))['id'] === 'x', {
    what: 'the id to be free',
  })
  client.close()
})

test('a connection has a bounded number of requests under way; the next are refused, cancellations are not', async () => {
  const client = await open()
  client.send(initialize('first'))
  await client.next()
  const params = { name: 'sample_hold', arguments: {} }
  for (let id = 0; id < 130; id += 1) client.send({ jsonrpc: '2.0', id, method: 'tools/call', params })
  for (const id of [128, 129]) {
    expect(await client.next()).toMatchObject({
      id,
      error: { code: -31004, data: { code: 'too_many_requests' } },
    })
  }
  await held(128)
  client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 0 } })
  await held(127)
  expect(await client.request('next', 'ping')).toMatchObject({ id: 'next', result: {} })
  client.socket.terminate()
  await held(0)
})

test('20,000 notifications and stray answers do nothing', async () => {
  const client = await open()
  client.send(initialize(0))
  await client.next()
  for (let n = 0; n < 10_000; n += 1) {
    client.send('{"jsonrpc":"2.0","method":"notifications/nothing"}')
    client.send(`{"jsonrpc":"2.0","id":${n},"result":{}}`)
  }
  expect(await client.request('after', 'ping')).toEqual({ jsonrpc: '2.0', id: 'after', result: {} })
  client.close()
})

test.each(['websocket', 'modern-websocket'] as const)(
  'closing a %s client in the middle of a call cancels it upstream',
  async (kind) => {
    const client = await connectClient(kind, world.gateway.url, world.token)
    const call = client.callTool({ name: 'sample_hold', arguments: {} }).catch(() => 'gone')
    await held(1)
    await client.close()
    expect(await call).toBe('gone')
    await held(0)
  },
)

test('what one connection sends cannot end the call of another', async () => {
  const [own, other] = await Promise.all([open(), open({}, world.foreignToken)])
  for (const client of [own, other]) {
    client.send(initialize(0))
    await client.next()
  }
  const params = { name: 'sample_hold', arguments: {} }
  other.send({ jsonrpc: '2.0', id: 7, method: 'tools/call', params })
  await held(1)
  own.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } })
  await own.request(1, 'ping')
  expect(world.upstream.state.holding).toBe(1)
  other.close()
  own.close()
  await held(0)
})
