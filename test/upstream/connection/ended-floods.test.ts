import { afterEach, expect, test } from '@jest/globals'
import { Outbound } from '../../../src/outbound/outbound.ts'
import { exchange } from '../../../src/upstream/fetch/exchange.ts'
import { LargeReplies } from '../../../src/upstream/fetch/large-replies.ts'
import { LargeTransfer } from '../../../src/upstream/fetch/large-transfer.ts'
import { limitEvents } from '../../../src/upstream/fetch/limited-stream.ts'
import { eventually } from '../../support/eventually.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { callTool, Connecting } from './connecting.ts'

const connecting = new Connecting()
const upstreams: HttpUpstream[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

const notice = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'd' } })}\n\n`
const answer = (id: unknown): string =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'done' }] } })}\n\n`

/** Head of a stream that ends with its connection. */
const HEADS = {
  'without a length': () => 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n',
  'with a length': (length: number) =>
    `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`,
} as const

// undici 7.30.2 ended the process where a connection closed while its response was not being read.
test.each(Object.entries(HEADS))(
  'a stream %s that is still being read when its connection closes is read to its end',
  async (_what, head) => {
    const upstream = await listen((request, response) => {
      rawLegacy(request, response, (_response, id) => {
        const body = notice.repeat(1500) + answer(id)
        response.socket?.write(head(body.length))
        response.socket?.end(body)
      })
    })
    upstreams.push(upstream)
    const { connection } = await connecting.open(
      definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' }),
    )
    for (let call = 0; call < 5; call += 1)
      expect(await callTool(connection, 'x', {}, 5000)).toMatchObject({
        content: [{ type: 'text', text: 'done' }],
      })
  },
)

test('a stream without an end is given up at the limit, and its connection closes', async () => {
  const open: boolean[] = []
  const upstream = await listen((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const go = (): void => {
      while (!response.destroyed && response.write(`: ${'c'.repeat(1000)}\n`));
    }
    open.push(true)
    response.on('drain', go).on('close', () => open.pop())
    go()
  })
  upstreams.push(upstream)
  const outbound = new Outbound()
  for (let time = 0; time < 20; time += 1) {
    const sent = { method: 'POST', headers: new Headers(), body: '{}', signal: undefined }
    const { dispatcher } = outbound
    const { body } = await exchange(new URL(upstream.url), sent, {
      dispatcher,
      maxBytes: 1000,
      transfer: new LargeTransfer(new LargeReplies()),
    })
    const limited = body?.pipeThrough(limitEvents(100_000, () => 1))
    expect(await new Response(limited).text()).toContain('too large')
  }
  await eventually(() => open.length === 0, { what: 'every connection to close' })
  await outbound.close()
})
