import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { initialize, withEnvelope } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { openSocket, refusedSocket } from '../support/ws-client.ts'

let gateway: TestGateway

beforeEach(async () => {
  gateway = await startTestGateway({ everything })
})

afterEach(() => gateway.close())

test('a connection ends with 1008 when the token that opened it ends', async () => {
  const client = await openSocket(gateway.url, await gateway.token({ ttlMs: 2000 }))
  client.send(initialize(1))
  await client.next()
  expect(await client.closed).toEqual({ code: 1008, reason: 'the token has expired' })
})

test('a shutdown lets the call in flight answer, ends the listen streams, and closes with 1001', async () => {
  const client = await openSocket(gateway.url, await gateway.token())
  const filter = { toolsListChanged: true }
  client.send({
    jsonrpc: '2.0',
    id: 'listen',
    method: 'subscriptions/listen',
    params: withEnvelope({ notifications: filter }),
  })
  expect(await client.next()).toMatchObject({
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications: filter },
  })
  client.send({
    jsonrpc: '2.0',
    id: 'call',
    method: 'tools/call',
    params: withEnvelope({
      name: 'everything_trigger-long-running-operation',
      arguments: { duration: 0.5, steps: 1 },
    }),
  })
  await eventually(() => gateway.gateway.callsInFlight() === 1)
  const closing = gateway.gateway.close()
  expect(await client.closed).toEqual({ code: 1001, reason: 'the gateway is shutting down' })
  expect(client.received).toMatchObject([
    { id: 'call', result: {} },
    { id: 'listen', result: {} },
  ])
  expect(await closing).toEqual([])
})

test('a shutdown does not wait for a client that does not close its side', async () => {
  const { hostname, port } = new URL(gateway.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `GET /ws HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${await gateway.token()}\r\nconnection: upgrade\r\n` +
      `upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: mcp\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  )
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  expect(chunk.toString()).toMatch(/^HTTP\/1\.1 101 /)
  socket.pause()
  const ended = once(socket, 'close')
  expect(await gateway.gateway.close()).toEqual([])
  socket.resume()
  await ended
})

test('no connection is opened while the gateway shuts down', async () => {
  const client = await openSocket(gateway.url, await gateway.token())
  client.send(initialize(1))
  await client.next()
  client.send({
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: { name: 'everything_trigger-long-running-operation', arguments: { duration: 1, steps: 1 } },
  })
  await eventually(() => gateway.gateway.callsInFlight() === 1)
  const token = await gateway.token()
  const closing = gateway.gateway.close()
  expect(await refusedSocket(gateway.url, token)).toMatchObject({
    status: 503,
    body: { code: 'shutting_down' },
  })
  expect(await client.request(3, 'tools/call', { name: 'everything_echo', arguments: {} })).toMatchObject({
    id: 3,
    error: { data: { code: 'shutting_down' } },
  })
  await closing
})
