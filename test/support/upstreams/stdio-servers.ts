import type { JSONRPCMessage, JSONRPCRequest, Server } from '@modelcontextprotocol/server'
import { serveStdio, type StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { askingServer, askingState } from './asking-server.ts'
import { chattyServer, chattyState, ListenReports } from './chatty-server.ts'
import { mirrorServer } from './mirror-server.ts'
import { sampleServer, sampleState } from './sample-server.ts'

type Serve = (transport: StdioServerTransport) => void
type Era = 'legacy' | 'modern'

function serving(create: () => Server, era: Era | 'both'): Serve {
  return (transport) => {
    if (era === 'legacy') void create().connect(transport)
    else serveStdio(create, { legacy: era === 'modern' ? 'reject' : 'serve', transport })
  }
}

/** Serves the asking server over stdio. */
export function servingAsking(era: Era, options: { asksAtOnce?: boolean } = {}): Serve {
  return (transport) => {
    const state = askingState((server, uri) => void server.sendResourceUpdated({ uri }), options)
    serving(() => askingServer(state), era)(transport)
  }
}

/** Serves the mirror server over stdio. */
export function servingMirror(era: Era): Serve {
  return serving(() => mirrorServer(), era)
}

/** Serves the sample server over stdio; with `both`, in the era that its client opens it in. */
export function servingSample(era: Era | 'both'): Serve {
  return (transport) => {
    const state = sampleState((server) => void server.sendToolListChanged())
    serving(() => sampleServer(state), era)(transport)
  }
}

/** Serves the chatty server over stdio. @param reports where it reports to */
export function servingChatty(era: Era, reports: string): Serve {
  return (transport) => {
    if (era === 'legacy') void chattyServer(chattyState(reports), 'legacy').connect(transport)
    else serveModernChatty(reports, transport)
  }
}

function serveModernChatty(reports: string, transport: StdioServerTransport): void {
  let server: Server | undefined
  const state = chattyState(reports, (uri, params) => void server?.sendResourceUpdated({ ...params, uri }))
  serveStdio(() => (server = chattyServer(state, 'modern')), { legacy: 'reject', transport })
  const listens = new ListenReports(reports)
  const receive = transport.onmessage
  const pass = async (message: JSONRPCMessage): Promise<void> => {
    const { id, method, params } = message as Partial<JSONRPCRequest>
    await listens.begin(id, message)
    if (method === 'notifications/cancelled') await listens.end(params?.['requestId'])
    receive?.(message)
  }
  transport.onmessage = (message) => void pass(message)
}
