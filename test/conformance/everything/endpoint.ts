import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { memoryEventStore } from './event-store.ts'
import { type Everything, everythingServer, type Shared } from './server.ts'

export type Eras = 'both' | 'legacy' | 'modern'

/** How soon a client is told to come back to a stream that the server closed. */
const RETRY_MS = 500

/** The everything server over Streamable HTTP, on a loopback port. */
export interface EverythingEndpoint {
  readonly url: string
  readonly close: () => Promise<void>
}

type Fetch = (request: Request) => Promise<Response>

export async function startEverything(eras: Eras, port = 0): Promise<EverythingEndpoint> {
  const sessions = new Map<string, Everything & { readonly answer: Fetch }>()
  const shared: Shared = {
    hasExtraTool: false,
    hasExtraPrompt: false,
    changeTools: () => {
      shared.hasExtraTool = !shared.hasExtraTool
      modern.notify.toolsChanged()
      for (const session of sessions.values()) session.refresh()
    },
    changePrompts: () => {
      shared.hasExtraPrompt = !shared.hasExtraPrompt
      modern.notify.promptsChanged()
      for (const session of sessions.values()) session.refresh()
    },
  }
  const modern = createMcpHandler(() => everythingServer(shared).server, { legacy: 'reject' })
  const legacy: Fetch = (request) => answerInSession(sessions, shared, request)
  const isLegacy = { both: isLegacyRequest, legacy: () => true, modern: () => false }[eras]
  const answer = toNodeHandler({
    fetch: async (request, options) =>
      (await isLegacy(request)) ? legacy(request) : modern.fetch(request, options),
  })
  const [isOurHost, isOurOrigin] = [localhostHostValidation(), localhostOriginValidation()]
  const server = createServer((request, response) => {
    if (!isOurHost(request, response) || !isOurOrigin(request, response)) return
    void answer(
      Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }),
      response,
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/mcp`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await modern.close()
      for (const { server: session } of sessions.values()) await session.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** One server per session, so that it can ask its client. */
async function answerInSession(
  sessions: Map<string, Everything & { readonly answer: Fetch }>,
  shared: Shared,
  request: Request,
): Promise<Response> {
  const id = request.headers.get('mcp-session-id')
  if (id !== null) {
    return (
      sessions.get(id)?.answer(request) ??
      Response.json(
        { jsonrpc: '2.0', error: { code: -32_001, message: 'Session not found' }, id: null },
        { status: 404 },
      )
    )
  }
  const everything = everythingServer(shared)
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    eventStore: memoryEventStore(),
    retryInterval: RETRY_MS,
    onsessioninitialized: (session) => {
      sessions.set(session, { ...everything, answer: (next) => transport.handleRequest(next) })
    },
    onsessionclosed: (session) => {
      sessions.delete(session)
    },
  })
  await everything.server.connect(transport)
  return transport.handleRequest(request)
}
