import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'
import { RecordingClient } from './recording-client.ts'

const connecting = new Connecting()
let upstream: HttpUpstream | undefined

afterEach(async () => {
  await connecting.closeAll()
  await upstream?.close()
})

const INFO = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'slow', version: '1' } }

/** A server of 2025-11-25 that answers the request for its standing stream when the test wants it. */
async function slowToListen(): Promise<{ url: string; asked: ServerResponse[] }> {
  const asked: ServerResponse[] = []
  upstream = await listen(async (request, response) => {
    if (request.method === 'GET') return void asked.push(response)
    const { id, method } = JSON.parse(await text(request)) as JsonObject
    if (id === undefined) return void response.writeHead(202).end()
    if (method !== 'initialize') return void response.writeHead(400).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: INFO }))
  })
  return { url: upstream.url, asked }
}

test.each([
  [
    'has its standing stream',
    (response: ServerResponse) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
  ],
  ['knows that there is none', (response: ServerResponse) => response.writeHead(405).end()],
])('a connection for a client that may be asked is open when it %s', async (_what, answer) => {
  const { url, asked } = await slowToListen()
  let isOpen = false
  const connect = connecting.connector({ clock: new FakeClock() })
  const server = definitionOf({ transport: 'streamable-http', url })
  const opening = connecting.open(server, { connect, client: new RecordingClient() })
  void opening.then(() => (isOpen = true))
  const response = await eventually(() => asked[0])
  expect(isOpen).toBe(false)
  answer(response)
  expect((await opening).connection.era).toBe('legacy')
})

test('a server that says nothing on its standing stream is waited for a moment', async () => {
  const { url, asked } = await slowToListen()
  const clock = new FakeClock()
  const connect = connecting.connector({ clock })
  const server = definitionOf({ transport: 'streamable-http', url })
  const opening = connecting.open(server, { connect, client: new RecordingClient() })
  await eventually(() => asked[0])
  await eventually(async () => {
    await clock.advance(300)
    return (await Promise.race([opening, Promise.resolve('waiting')])) !== 'waiting'
  })
  expect((await opening).connection.era).toBe('legacy')
})
