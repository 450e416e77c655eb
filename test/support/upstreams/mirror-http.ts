import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse'
import { mirrorServer } from './mirror-server.ts'
import { type HttpUpstream, listen } from './sample-http.ts'

/** The mirror server of one era over Streamable HTTP. */
export function mirrorHttp(era: 'legacy' | 'modern'): Promise<HttpUpstream> {
  if (era === 'modern') {
    const answer = toNodeHandler(createMcpHandler(() => mirrorServer(), { legacy: 'reject' }))
    return listen((request, response) =>
      answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
    )
  }
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  return listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => {
        sessions.set(session, transport)
      },
    })
    await mirrorServer().connect(transport)
    await transport.handleRequest(request, response)
  })
}

/** The mirror server of 2024-11-05 over HTTP+SSE. */
export function mirrorSse(): Promise<HttpUpstream> {
  const sessions = new Map<string, SSEServerTransport>()
  return listen(async (request, response) => {
    if (request.method === 'GET') {
      const transport = new SSEServerTransport('/messages', response)
      sessions.set(transport.sessionId, transport)
      return mirrorServer().connect(transport)
    }
    const url = new URL(request.url ?? '/', 'http://localhost')
    const transport = sessions.get(url.searchParams.get('sessionId') ?? '')
    if (transport === undefined) response.writeHead(404).end()
    else await transport.handlePostMessage(request, response)
  })
}
