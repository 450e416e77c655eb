import { afterEach, expect, test } from '@jest/globals'
import { definitionOf } from '../../support/server-definitions.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'

const connecting = new Connecting()
let upstream: HttpUpstream | undefined

afterEach(async () => {
  await connecting.closeAll()
  await upstream?.close()
})

test('a client is told of a large notice, and of nothing that the gateway puts behind it', async () => {
  const notice = {
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', data: 'x'.repeat(300_000) },
  }
  upstream = await listen((request, response) =>
    rawLegacy(request, response, (held, id) => {
      held.writeHead(200, { 'content-type': 'text/event-stream' })
      const answer = { jsonrpc: '2.0', id, result: { content: [] } }
      held.end(`data: ${JSON.stringify(notice)}\n\ndata: ${JSON.stringify(answer)}\n\n`)
    }),
  )
  const { connection } = await connecting.open(
    definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' }),
    { connect: connecting.connector({ maxMessageBytes: 1_000_000 }) },
  )
  const told: string[] = []
  const client = {
    era: 'legacy',
    capabilities: {},
    logLevel: 'info',
    tell: (method: string) => void told.push(method),
  } as const
  const result = await connection.request(
    'tools/call',
    { name: 'x' },
    { signal: undefined, timeoutMs: 5000, client },
  )
  expect(result).toEqual({ content: [] })
  expect(told).toEqual(['notifications/message'])
})
