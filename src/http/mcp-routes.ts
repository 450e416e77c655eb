import { type Request, type RequestHandler, Router } from 'express'
import { methodNotAllowed } from '../rest/method-not-allowed.ts'
import { identityOf } from '../identity/identity.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { SseEndpoint } from '../mcp/transports/sse-endpoint.ts'
import type { StreamableHttpEndpoint } from '../mcp/transports/streamable-http-endpoint.ts'
import type { WebSocketEndpoint } from '../mcp/transports/websocket-endpoint.ts'
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
  const scoped = (
    serve: (scope: string | undefined, ...args: Parameters<RequestHandler>) => unknown,
  ): RequestHandler => {
    return (request, response, next) => serve(scopeOf(request, catalog), request, response, next)
  }
  const streamable = scoped((scope, request, response) => streamableHttp.handle(request, response, scope))
  for (const path of ['/mcp', '/mcp/:server']) {
    router.head(path, methodNotAllowed('POST, GET, DELETE'))
    router.post(path, streamable)
    router.get(path, streamable)
    router.delete(path, streamable)
    router.all(path, methodNotAllowed('POST, GET, DELETE'))
  }
  const open = scoped((scope, request, response) => sse.open(request, response, scope))
  for (const path of ['/sse', '/sse/:server']) {
    router.head(path, methodNotAllowed('GET')) // Express would open a session for it
    router.get(path, open)
    router.all(path, methodNotAllowed('GET'))
  }
  const handshake = new WebSocketHandshake({ maxMessageBytes: maxBodyBytes })
  const openSocket = scoped((scope, request, response) =>
    webSocket.open(identityOf(request).principal, scope, () => handshake.accept(request, response)),
  )
  for (const path of ['/ws', '/ws/:server']) {
    router.head(path, methodNotAllowed('GET'))
    router.get(path, openSocket)
    router.all(path, methodNotAllowed('GET'))
  }
  router.post('/messages', (request, response) => sse.post(request, response))
  router.all('/messages', methodNotAllowed('POST'))
  return router
}

/** The one server that the path names, if the caller may see it. @throws GatewayError `server_not_found` */
export function scopeOf(request: Request, catalog: Catalog): string | undefined {
  const { server } = request.params
  if (typeof server !== 'string') return undefined
  const { principal } = identityOf(request)
  if (catalog.viewOf(principal, server).servers.length === 0) {
    throw new GatewayError('server_not_found', `Unknown server: ${server.slice(0, 40)}`)
  }
  return server
}
