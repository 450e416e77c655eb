import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/domain/json/json.ts'

/** What one server does another way than the others: by method its result, or how it fails to give one. */
export type Odd = Readonly<Record<string, JsonObject | ((response: ServerResponse) => void) | null>>

const CAPABILITIES = { tools: {}, prompts: {}, resources: {} }
const USUAL: Odd = {
  initialize: {
    protocolVersion: '2025-06-18',
    capabilities: CAPABILITIES,
    serverInfo: { name: 'odd', version: '0' },
  },
  ping: {},
  'tools/list': { tools: [{ name: 'hello', inputSchema: { type: 'object' } }] },
  'prompts/list': { prompts: [{ name: 'hello' }] },
  'resources/list': { resources: [{ name: 'hello', uri: 'odd://hello' }] },
  'resources/templates/list': { resourceTemplates: [{ name: 'hello', uriTemplate: 'odd://hello/{a}' }] },
  'tools/call': { content: [{ type: 'text', text: 'hello' }] },
}

export interface OddServers {
  readonly urlOf: (name: string) => string
  readonly close: () => Promise<void>
}

/** Legacy servers over HTTP, one for each path, without an SDK, which would not let them be odd. */
export async function startOddServers(odd: Readonly<Record<string, Odd>>): Promise<OddServers> {
  const server = createServer((request, response) => void answer(odd, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { urlOf: (name) => `http://127.0.0.1:${port}/${name}`, close: () => closed(server) }
}

async function answer(
  odd: Readonly<Record<string, Odd>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') return void response.writeHead(405).end()
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id?: unknown; method: string }
  if (id === undefined) return void response.writeHead(202).end()
  const result = { ...USUAL, ...odd[request.url?.slice(1) ?? ''] }[method]
  if (typeof result === 'function') return result(response)
  const error = { code: -32_601, message: 'Method not found' }
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) }))
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => void server.close(() => resolve()))
}
