import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

/** The ways an MCP client can connect, each with the revision it speaks. */
export const TRANSPORTS = ['sse', 'streamable-http', 'modern'] as const
export type ClientKind = (typeof TRANSPORTS)[number]

const PATHS: Record<ClientKind, string> = { sse: '/sse', 'streamable-http': '/mcp', modern: '/mcp' }

/** An SDK client of a gateway, connected with a bearer token. */
export async function connectClient(
  kind: ClientKind,
  url: string,
  token: string,
  options: { server?: string; headers?: Record<string, string> } = {},
): Promise<Client> {
  const endpoint = new URL(`${PATHS[kind]}${options.server === undefined ? '' : `/${options.server}`}`, url)
  const settings = {
    authProvider: { token: () => Promise.resolve(token) },
    requestInit: { headers: options.headers ?? {} },
  }
  const client = new Client(
    { name: 'test', version: '1' },
    kind === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {},
  )
  const transport =
    kind === 'sse'
      ? new SSEClientTransport(endpoint, settings)
      : new StreamableHTTPClientTransport(endpoint, settings)
  await client.connect(transport)
  return client
}
