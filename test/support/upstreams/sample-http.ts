import { randomUUID } from 'node:crypto'
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server as HttpServer,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse'
import { sampleServer, type SampleState, sampleState } from './sample-server.ts'

/** A server on a free loopback port, for one test. */
export interface HttpUpstream {
  readonly url: string
  readonly port: number
  readonly state: SampleState
  /** Each request so far. */
  readonly seen: { readonly method: string | undefined; readonly headers: IncomingHttpHeaders }[]
  /** Forgets all sessions, as a restarted server does. */
  readonly forgetSessions: () => void
  /** Breaks all connections; new ones are accepted. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

/** The sample server of 2026-07-28 over Streamable HTTP. */
export function modernHttp(port = 0): Promise<HttpUpstream> {
  const state = sampleState(() => handler.notify.toolsChanged())
  const handler = createMcpHandler(() => sampleServer(state), { legacy: 'reject' })
  const answer = toNodeHandler(handler)
  return listen(
    (request, response) =>
      answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
    state,
    {
      port,
      forgetSessions: () => undefined,
    },
  )
}

/** The sample server of 2025-11-25 over Streamable HTTP, with sessions. */
export function legacyHttp(): Promise<HttpUpstream> {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const state = sampleState((server) => void server.sendToolListChanged())
  return listen(
    async (request, response) => {
      const id = request.headers['mcp-session-id']
      const known = typeof id === 'string' ? sessions.get(id) : undefined
      if (known === undefined && id !== undefined) {
        response.writeHead(404).end()
        return
      }
      const transport =
        known ??
        new NodeStreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (session) => {
            sessions.set(session, transport)
          },
        })
      if (known === undefined) await sampleServer(state).connect(transport)
      await transport.handleRequest(request, response)
    },
    state,
    { forgetSessions: () => sessions.clear() },
  )
}

/** The sample server of 2024-11-05 over HTTP+SSE; everything but its two endpoints is 404. */
export function sseHttp(): Promise<HttpUpstream> {
  const sessions = new Map<string, SSEServerTransport>()
  const state = sampleState((server) => void server.sendToolListChanged())
  return listen(
    async (request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      if (request.method === 'GET' && url.pathname === '/mcp') {
        const transport = new SSEServerTransport('/messages', response)
        sessions.set(transport.sessionId, transport)
        await sampleServer(state).connect(transport)
        return
      }
      const transport = sessions.get(url.searchParams.get('sessionId') ?? '')
      if (url.pathname === '/messages' && transport !== undefined)
        await transport.handlePostMessage(request, response)
      else response.writeHead(404).end()
    },
    state,
    { forgetSessions: () => sessions.clear() },
  )
}

/** Any HTTP server as an upstream. */
export async function listen(
  listener: (...parameters: Parameters<RequestListener>) => unknown,
  state: SampleState = sampleState(() => undefined),
  { port = 0, forgetSessions = (): void => undefined } = {},
): Promise<HttpUpstream> {
  const seen: HttpUpstream['seen'] = []
  // The gateway lets go of an idle connection before its server does; on the busy event loop that both have here its timer is late.
  const server: HttpServer = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    seen.push({ method: request.method, headers: request.headers })
    void listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}/mcp`,
    port: bound,
    state,
    seen,
    forgetSessions,
    cut: () => server.closeAllConnections(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
