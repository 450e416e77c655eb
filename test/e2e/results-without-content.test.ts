import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const LARGE = 'x'.repeat(100_000)

let upstream: HttpUpstream
let gateway: TestGateway

beforeEach(async () => {
  upstream = await listen((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const { id, method, params } = JSON.parse(body) as { id?: number; method: string; params?: Params }
      if (id === undefined) return void response.writeHead(202).end()
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(method, params) }))
    })
  })
  gateway = await startTestGateway({
    plain: { transport: 'streamable-http', url: upstream.url, era: 'legacy' },
  })
})

afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

interface Params {
  readonly arguments?: { size?: string }
}

function resultOf(method: string, params: Params | undefined): object {
  if (method === 'initialize')
    return {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'p', version: '1' },
    }
  if (method === 'tools/list') return { tools: [{ name: 'look', inputSchema: { type: 'object' } }] }
  return { structuredContent: { text: params?.arguments?.size === 'large' ? LARGE : 'small' } }
}

test.each(['legacy', 'auto'] as const)(
  'a client (%s) gets results in which a server has left out the content, small and large',
  async (mode) => {
    const client = new Client({ name: 't', version: '1' }, { versionNegotiation: { mode } })
    const headers = { authorization: `Bearer ${await gateway.token()}` }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } }),
    )
    for (const [size, text] of [
      ['small', 'small'],
      ['large', LARGE],
    ])
      expect(await client.callTool({ name: 'plain_look', arguments: { size } })).toMatchObject({
        content: [],
        structuredContent: { text },
      })
    await client.close()
  },
)
