import { type Request, type RequestHandler, type Response, Router } from 'express'
import { methodNotAllowed } from '../rest/method-not-allowed.ts'
import { identityOf } from '../identity/identity.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { Sender } from '../mcp/conversation.ts'
import type { SseEndpoint } from '../mcp/transports/sse-endpoint.ts'
import type { StreamableHttpEndpoint } from '../mcp/transports/streamable-http-endpoint.ts'
import type { WebSocketEndpoint } from '../mcp/transports/websocket-endpoint.ts'
import { forgetRequest } from './forget-request.ts'
import { WebSocketHandshake } from './websocket-handshake.ts'

interface McpRouteOptions {
  readonly streamableHttp: StreamableHttpEndpoint
  readonly sse: SseEndpoint
  readonly webSocket: WebSocketEndpoint
  readonly maxBodyBytes: number
  readonly catalog: Catalog
}

/** The MCP endpoints, each for all servers of the caller's view and for one of them. */
export function mcpRoutes(options: McpRouteOptions): Router {
  const { streamableHttp, sse, webSocket, catalog, maxBodyBytes } = options
  const router = Router()
  const fromSender = (
    serve: (request: Request, response: Response, sender: Sender) => unknown,
  ): RequestHandler => {
    return (request, response) => serve(request, response, senderOf(request, response, catalog))
  }
  const streamable = fromSender((...from) => streamableHttp.handle(...from))
  for (const path of ['/mcp', '/mcp/:server']) {
    router.head(path, methodNotAllowed('POST, GET, DELETE'))
    router.post(path, streamable)
    router.get(path, streamable)
    router.delete(path, streamable)
    router.all(path, methodNotAllowed('POST, GET, DELETE'))
  }
  const open = fromSender((request, response, sender) => {
    sse.open(response, sender)
    forgetRequest(request, response)
  })
  for (const path of ['/sse', '/sse/:server']) {
    router.head(path, methodNotAllowed('GET')) // Express would open a session for it
    router.get(path, open)
    router.all(path, methodNotAllowed('GET'))
  }
  const handshake = new WebSocketHandshake({ maxMessageBytes: maxBodyBytes })
  const openSocket = fromSender((request, response, sender) =>
    webSocket.open(sender, () => handshake.accept(request, response)),
  )
  for (const path of ['/ws', '/ws/:server']) {
    router.head(path, methodNotAllowed('GET'))
    router.get(path, openSocket)
    router.all(path, methodNotAllowed('GET'))
  }
  router.post('/messages', (request, response) => sse.post(request, response, identityOf(response)))
  router.all('/messages', methodNotAllowed('POST'))
  return router
}

/**
 * Who sent a request, and the one server that its path names, if the sender may see it.
 * @throws GatewayError `server_not_found`
 */
export function senderOf(request: Request, response: Response, catalog: Catalog): Sender {
  const identity = identityOf(response)
  const { server } = request.params
  if (typeof server !== 'string') return new Sender(identity, undefined)
  if (catalog.viewOf(identity.principal, server).servers.length === 0) {
    throw new GatewayError('server_not_found', `Unknown server: ${server.slice(0, 40)}`)
  }
  return new Sender(identity, server)
}
