import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, InMemoryServerEventBus } from '@modelcontextprotocol/server'
import { chattyServer, chattyState } from './chatty-server.ts'
import { type HttpUpstream, listen } from './sample-http.ts'

/** The chatty server of one era over Streamable HTTP. */
export function chattyHttp(era: 'legacy' | 'modern', reports: string): Promise<HttpUpstream> {
  return era === 'modern' ? chattyModern(reports) : chattyLegacy(reports)
}

function chattyModern(reports: string): Promise<HttpUpstream> {
  const bus = new InMemoryServerEventBus()
  const state = chattyState(reports, (uri, params) => bus.publish({ kind: 'resource_updated', uri, params }))
  const answer = toNodeHandler(
    createMcpHandler(() => chattyServer(state, 'modern'), { legacy: 'reject', bus }),
  )
  return listen((request, response) =>
    answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
  )
}

function chattyLegacy(reports: string): Promise<HttpUpstream> {
  const state = chattyState(reports)
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
    await chattyServer(state, 'legacy').connect(transport)
    await transport.handleRequest(request, response)
  })
}
