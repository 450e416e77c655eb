import { afterEach, expect, test } from '@jest/globals'
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
