import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse'
import { askingServer, type AskingState, askingState } from './asking-server.ts'
import { type HttpUpstream, listen } from './sample-http.ts'

/** An asking server over HTTP, with what it knows. */
export interface AskingUpstream {
  readonly http: HttpUpstream
  readonly state: AskingState
}

/** The asking server of 2026-07-28 over Streamable HTTP. */
export async function askingModern(): Promise<AskingUpstream> {
  const state = askingState((_server, uri) => handler.notify.resourceUpdated(uri))
  const handler = createMcpHandler(() => askingServer(state), { legacy: 'reject' })
  const answer = toNodeHandler(handler)
  const http = await listen((request, response) =>
    answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
  )
  return { http, state }
}

/** The asking server of 2025-11-25 over Streamable HTTP. */
export async function askingLegacy(options: { asksAtOnce?: boolean } = {}): Promise<AskingUpstream> {
  const state = askingState((server, uri) => void server.sendResourceUpdated({ uri }), options)
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const http = await listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => {
        sessions.set(session, transport)
      },
    })
    await askingServer(state).connect(transport)
    await transport.handleRequest(request, response)
  })
  return { http, state }
}

/** The asking server of 2024-11-05 over HTTP+SSE. */
export async function askingSse(options: { asksAtOnce?: boolean } = {}): Promise<AskingUpstream> {
  const state = askingState((server, uri) => void server.sendResourceUpdated({ uri }), options)
  const sessions = new Map<string, SSEServerTransport>()
  const http = await listen(
    async (request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      if (request.method === 'GET') {
        const transport = new SSEServerTransport('/messages', response)
        sessions.set(transport.sessionId, transport)
        return askingServer(state).connect(transport)
      }
      const transport = sessions.get(url.searchParams.get('sessionId') ?? '')
      if (transport === undefined) response.writeHead(404).end()
      else await transport.handlePostMessage(request, response)
    },
    undefined,
    { forgetSessions: () => sessions.clear() },
  )
  return { http, state }
}
