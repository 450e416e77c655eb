import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
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
