import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { initialize, withEnvelope } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { chattyHttp } from '../support/upstreams/chatty-http.ts'
import type { HttpUpstream } from '../support/upstreams/sample-http.ts'
import { openSocket, type RawSocket } from '../support/ws-client.ts'

const NOBODY = 'http://127.0.0.1:9'
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'

let upstream: HttpUpstream
let gateway: TestGateway

beforeAll(async () => {
  upstream = await chattyHttp('legacy', NOBODY)
  gateway = await startTestGateway({
    chatty: { tenantId: '*', transport: 'streamable-http', url: upstream.url },
    hidden: { tenantId: '*', transport: 'streamable-http', url: upstream.url, requiredRoles: ['other'] },
  })
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

async function open(path = '/ws/chatty'): Promise<RawSocket> {
  return openSocket(gateway.url, await gateway.token(), { path })
}

/** Has the server say that a resource changed. */
async function touch(uri: string): Promise<void> {
  const token = await gateway.token()
  const answer = await gateway.rest(token, 'POST', '/v1/tools/chatty_touch', { arguments: { uri } })
  expect(answer.status).toBe(200)
}

function listen(client: RawSocket, id: unknown, notifications: Record<string, unknown>): void {
  const params = withEnvelope({ notifications })
  client.send({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params })
}

/** Messages up to the answer to a request that is sent now. */
async function soFar(client: RawSocket): Promise<Record<string, unknown>[]> {
  client.send({ jsonrpc: '2.0', id: 'fence', method: 'tools/list', params: withEnvelope() })
  const messages: Record<string, unknown>[] = []
  for (;;) {
    const message = await client.next()
    if (message['id'] === 'fence') return messages
    messages.push(message)
  }
}

const updated = (id: unknown, uri: string): unknown => ({
  jsonrpc: '2.0',
  method: 'notifications/resources/updated',
  params: { uri, _meta: { [SUBSCRIPTION]: id } },
})

describe('listen streams on one WebSocket', () => {
  test('each hear of the resources they asked for, under their own id', async () => {
    const client = await open()
    listen(client, 'one', { resourceSubscriptions: ['chatty://a'], toolsListChanged: true })
    expect(await client.next()).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { resourceSubscriptions: ['chatty://a'], toolsListChanged: true },
        _meta: { [SUBSCRIPTION]: 'one' },
      },
    })
    listen(client, 2, { resourceSubscriptions: ['chatty://a', 'chatty://b'] })
    await client.next()
    await touch('chatty://a')
    expect([await client.next(), await client.next()]).toEqual([
      updated('one', 'chatty://a'),
      updated(2, 'chatty://a'),
    ])
    await touch('chatty://b')
    expect(await client.next()).toEqual(updated(2, 'chatty://b'))
    client.close()
  })

  test('hear no more once they are cancelled, and others do', async () => {
    const client = await open()
    listen(client, 'gone', { resourceSubscriptions: ['chatty://a'] })
    await client.next()
    listen(client, 'stays', { resourceSubscriptions: ['chatty://a'] })
    await client.next()
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'gone' } })
    expect(await soFar(client)).toEqual([])
    await touch('chatty://a')
    expect(await client.next()).toEqual(updated('stays', 'chatty://a'))
    expect(await soFar(client)).toEqual([])
    client.close()
  })

  test('are acknowledged without the resources that their caller may not read', async () => {
    const client = await open('/ws')
    listen(client, 1, { resourceSubscriptions: ['nothing://a', 'hidden+chatty://a', 'chatty://b'] })
    expect(await client.next()).toMatchObject({
      params: { notifications: { resourceSubscriptions: ['chatty://b'] } },
    })
    client.close()
  })

  test('are so many at most', async () => {
    const client = await open()
    for (let id = 0; id < 16; id += 1) listen(client, id, { toolsListChanged: true })
    for (let id = 0; id < 16; id += 1) await client.next()
    listen(client, 'more', { resourceSubscriptions: ['chatty://a'] })
    expect(await client.next()).toMatchObject({
      id: 'more',
      error: { code: -31_004, data: { code: 'too_many_requests' } },
    })
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } })
    listen(client, 'again', { resourceSubscriptions: ['chatty://a'] })
    expect(await client.next()).toMatchObject({ params: { _meta: { [SUBSCRIPTION]: 'again' } } })
    client.close()
  })
})

test('a legacy conversation over WebSocket subscribes to resources, and hears of them', async () => {
  const client = await open()
  client.send(initialize(1))
  await client.next()
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  expect(await client.request(2, 'resources/subscribe', { uri: 'chatty://a' })).toMatchObject({
    id: 2,
    result: {},
  })
  await touch('chatty://a')
  expect(await client.next()).toMatchObject({
    method: 'notifications/resources/updated',
    params: { uri: 'chatty://a' },
  })
  client.close()
  await eventually(async () => {
    const metrics = await fetch(gateway.gateway.metricsUrl ?? '')
    return (await metrics.text()).includes('gateway_sessions{face="websocket"} 0')
  })
})
