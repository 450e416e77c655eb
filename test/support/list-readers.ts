import { Client, InMemoryTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js'
import { createMcpHandler, McpServer, Server } from '@modelcontextprotocol/server'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Era } from '../../src/upstream/connection/connection.ts'

/** Answers a list request of a client of the era. */
export type Lists = (method: string, era: Era, cursor: unknown) => JsonObject

export interface ListReader {
  readonly listTools: () => Promise<{ tools: { name: string }[] }>
  readonly listPrompts: () => Promise<{ prompts: { name: string }[] }>
  readonly listResources: () => Promise<{ resources: { name: string }[] }>
  readonly listResourceTemplates: () => Promise<{ resourceTemplates: { name: string }[] }>
  readonly close: () => Promise<void>
}

const INFO = { name: 'lists', version: '1' }
const capabilities = { tools: {}, prompts: {}, resources: {} }

/** The official clients, each connected to lists that a server of the SDK hands out, as the gateway has it do. */
export const LIST_READERS: readonly (readonly [string, (lists: Lists) => Promise<ListReader>])[] = [
  ['sdk v1', (lists) => legacyReader(new FirstClient(INFO), lists)],
  ['sdk v2', (lists) => legacyReader(new Client(INFO), lists)],
  ['sdk v2, modern', modernReader],
]

async function legacyReader(client: Client | FirstClient, lists: Lists): Promise<ListReader> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  const server = new Server(INFO)
  answerWith(server, 'legacy', lists)
  await server.connect(far)
  // The two lines agree in what is used of them.
  await (client as Client).connect(near)
  return client
}

async function modernReader(lists: Lists): Promise<ListReader> {
  const endpoint = createMcpHandler(
    () => {
      const mcpServer = new McpServer(INFO)
      answerWith(mcpServer.server, 'modern', lists)
      return mcpServer
    },
    { legacy: 'reject' },
  )
  const client = new Client(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  await client.connect(
    new StreamableHTTPClientTransport(new URL('http://lists.example/mcp'), {
      fetch: (url, init) => endpoint.fetch(new Request(url, init)),
    }),
  )
  return client
}

function answerWith(server: Server, era: Era, lists: Lists): void {
  server.registerCapabilities(capabilities)
  // Over every other transport it is text on the way.
  server.fallbackRequestHandler = ({ method, params }) =>
    Promise.resolve(JSON.parse(JSON.stringify(lists(method, era, params?.['cursor']))) as JsonObject)
}
