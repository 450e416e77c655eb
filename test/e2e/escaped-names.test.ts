import type { IncomingMessage, ServerResponse } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { CONVERSATIONS, openConversation } from '../support/raw-conversation.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

type Fields = Record<string, unknown>

/** The texts of the arguments that the server got, as they came. */
const got: string[] = []
let upstream: HttpUpstream

beforeAll(async () => {
  upstream = await listen(answer)
})
afterAll(() => upstream.close())

/** A server whose results have a name that it writes with an escape, as Python does for every letter beyond ASCII. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await textOf(request)
  const id = /"id":([^,}]+)/.exec(body)?.[1]
  if (id === undefined) return void response.writeHead(202).end()
  const method = /"method":"([^"]+)"/.exec(body)?.[1] ?? ''
  const results: Fields = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 's', version: '1' },
    },
    'tools/list': { tools: [{ name: 'say', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [], structuredContent: { x: 1, '~': 2 } },
  }
  const sent = /"arguments":(\{[^}]*\})/.exec(body)?.[1]
  if (sent !== undefined) got.push(sent)
  response.writeHead(200, { 'content-type': 'application/json' })
  const result = JSON.stringify(results[method] ?? {}).replace('~', String.raw`\u00e9t`)
  response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`)
}

describe.each(['on', 'off'])(
  'with the direct path %s, names of members that another tenant sent',
  (directPath) => {
    let gateway: TestGateway
    beforeAll(async () => {
      const document = { transport: 'streamable-http', era: 'legacy', url: upstream.url }
      gateway = await startTestGateway(
        { a: { ...document, tenantId: 'acme' }, b: { ...document, tenantId: 'globex' } },
        { env: { DIRECT_PATH: directPath } },
      )
    })
    afterAll(() => gateway.close())

    /** A call by each way in, as `{x: 1, <name>: 2}`; what came back. */
    async function callAll(tenantId: string, tool: string, name: string): Promise<Fields[]> {
      const token = await gateway.token({ tenantId })
      const sent = { x: 1, [name]: 2 }
      const { body } = await gateway.rest(token, 'POST', `/v1/tools/${tool}`, { arguments: sent })
      const results: Fields[] = [body]
      for (const kind of CONVERSATIONS) {
        const conversation = await openConversation(kind, gateway.url, token)
        const { result } = await conversation.call(1, 'tools/call', { name: tool, arguments: sent })
        await conversation.close()
        results.push(result ?? {})
      }
      return results
    }

    test('change neither arguments nor results', async () => {
      for (const name of ['\\', '\\u', '\\\\']) await callAll('globex', 'b_say', name)
      got.length = 0
      const results = await callAll('acme', 'a_say', '"')
      expect(got).toEqual(Array(6).fill(String.raw`{"x":1,"\"":2}`))
      expect(results.map(({ structuredContent }) => JSON.stringify(structuredContent))).toEqual(
        Array(6).fill('{"x":1,"ét":2}'),
      )
    })
  },
)
