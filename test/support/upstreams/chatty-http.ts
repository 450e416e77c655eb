import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, InMemoryServerEventBus } from '@modelcontextprotocol/server'
import { chattyServer, chattyState, ListenReports } from './chatty-server.ts'
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
  const listens = new ListenReports(reports)
  return listen(async (request, response) => {
    const isListen = request.headers['mcp-method'] === 'subscriptions/listen'
    const body = isListen ? await json(request) : undefined
    if (isListen) {
      await listens.begin(response, body)
      response.once('close', () => void listens.end(response))
    }
    const { method = 'GET', url = '/' } = request
    await answer(Object.assign(request, { method, url }), response, body)
  })
}

function chattyLegacy(reports: string): Promise<HttpUpstream> {
  const state = chattyState(reports)
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const forgetSessions = (): void => {
    for (const session of sessions.values()) void session.close()
    sessions.clear()
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const id = request.headers['mcp-session-id']
    const known = sessions.get(String(id))
    if (known !== undefined) return known.handleRequest(request, response)
    if (id !== undefined) return void response.writeHead(404).end()
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => {
        sessions.set(session, transport)
      },
    })
    await chattyServer(state, 'legacy').connect(transport)
    await transport.handleRequest(request, response)
  }
  return listen(answer, undefined, { forgetSessions })
}
