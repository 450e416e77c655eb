import {
  Client,
  type ClientCapabilities,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client'
import { WebSocketClientTransport } from './ws-client.ts'

/** The ways an MCP client can connect, each with the revision it speaks. */
export const TRANSPORTS = ['sse', 'streamable-http', 'modern', 'websocket', 'modern-websocket'] as const
export type ClientKind = (typeof TRANSPORTS)[number]

const PATHS: Record<ClientKind, string> = {
  sse: '/sse',
  'streamable-http': '/mcp',
  modern: '/mcp',
  websocket: '/ws',
  'modern-websocket': '/ws',
}

interface ClientOptions {
  readonly server?: string
  readonly headers?: Record<string, string>
  readonly capabilities?: ClientCapabilities
  /** Gets the client before it is connected. */
  readonly prepare?: (client: Client) => void
}

/** An SDK client of a gateway, connected with a bearer token. */
export async function connectClient(
  kind: ClientKind,
  url: string,
  token: string,
  options: ClientOptions = {},
): Promise<Client> {
  const path = `${PATHS[kind]}${options.server === undefined ? '' : `/${options.server}`}`
  const client = new Client(
    { name: 'test', version: '1' },
    {
      capabilities: options.capabilities ?? {},
      ...(kind.startsWith('modern') && { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    },
  )
  options.prepare?.(client)
  await client.connect(transportOf(kind, { url, path, token, headers: options.headers ?? {} }))
  return client
}

function transportOf(
  kind: ClientKind,
  to: { url: string; path: string; token: string; headers: Record<string, string> },
): Transport {
  const { url, path, token, headers } = to
  if (PATHS[kind] === '/ws') return new WebSocketClientTransport(url, token, { path, headers })
  const settings = { authProvider: { token: () => Promise.resolve(token) }, requestInit: { headers } }
  const endpoint = new URL(path, url)
  return kind === 'sse'
    ? new SSEClientTransport(endpoint, settings)
    : new StreamableHTTPClientTransport(endpoint, settings)
}
