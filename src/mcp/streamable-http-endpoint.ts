import { randomBytes } from 'node:crypto'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import {
  classifyInboundRequest,
  type InboundHttpRequest,
  isInitializeRequest,
  type Server,
} from '@modelcontextprotocol/server'
import type { Request, Response } from 'express'
import { GatewayError } from '../domain/errors.ts'
import type { Principal } from '../domain/principal.ts'
import { callerOf, carryIdentity, whenTokenEnds } from './conversation.ts'
import { notifyListChanged } from './list-changed.ts'
import { createMcpServer } from './mcp-server.ts'
import { type EndpointOptions, ModernEndpoint } from './modern-endpoint.ts'
import { RequestIds, requestIdIn } from './request-ids.ts'
import type { Session } from './session-store.ts'

const FACE = 'streamable-http'
const SESSION_ID_BYTES = 24
/** It has no sessions, so that only `POST` is left (MCP 2026-07-28, Streamable HTTP). */
const MODERN_REVISION = '2026-07-28'

interface Channel {
  readonly transport: NodeStreamableHTTPServerTransport
  readonly ids: RequestIds
}

/**
 * `POST`, `GET` and `DELETE` of `/mcp` and `/mcp/{server}`: tells the eras apart, and keeps a session for legacy
 * clients (MCP 2025-11-25, Streamable HTTP). Every request of a session must come from the principal that opened it.
 */
export class StreamableHttpEndpoint {
  readonly #options: EndpointOptions
  readonly #modern: ModernEndpoint
  readonly #channels = new Map<string, Channel>()

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#modern = new ModernEndpoint(options)
  }

  async handle(request: Request, response: Response, scope: string | undefined): Promise<void> {
    const body: unknown = request.body
    if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
    const outcome = classifyInboundRequest(asInbound(request, body))
    if (outcome.kind !== 'legacy') return this.#modern.handle(request, response, scope)
    const { principal } = carryIdentity(request, scope)
    const sessionId = request.get('mcp-session-id')
    if (sessionId !== undefined) return this.#continue(request, response, sessionId, principal)
    if (request.method !== 'POST' && request.get('mcp-protocol-version') === MODERN_REVISION) {
      response.setHeader('Allow', 'POST')
      throw new GatewayError('method_not_allowed')
    }
    if (!isInitializeRequest(body)) {
      throw new GatewayError(
        'invalid_request',
        'Mcp-Session-Id is missing, and the request is not initialize',
      )
    }
    return this.#open(request, response, principal, scope)
  }

  close(): Promise<void> {
    return this.#modern.close()
  }

  async #continue(
    request: Request,
    response: Response,
    sessionId: string,
    principal: Principal,
  ): Promise<void> {
    const session = this.#options.sessions.of(sessionId, principal, FACE)
    const channel = this.#channels.get(sessionId)
    if (channel === undefined) throw new GatewayError('session_not_found')
    const { transport, ids } = channel
    const id = requestIdIn(request.body)
    if (id !== undefined) ids.claim(id)
    session.openStreams += 1
    const cancelExpiry =
      request.method === 'GET'
        ? whenTokenEnds(this.#options.clock, principal, () => transport.closeStandaloneSSEStream())
        : undefined
    response.once('close', () => {
      if (id !== undefined) ids.release(id)
      session.openStreams -= 1
      session.lastUsedAt = this.#options.clock.monotonic()
      cancelExpiry?.()
    })
    await transport.handleRequest(request, response, request.body as unknown)
  }

  async #open(
    request: Request,
    response: Response,
    principal: Principal,
    scope: string | undefined,
  ): Promise<void> {
    const { sessions, catalog } = this.#options
    sessions.makeRoom(principal)
    const id = randomBytes(SESSION_ID_BYTES).toString('base64url')
    const ids = new RequestIds()
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => id,
      onsessioninitialized: () =>
        this.#register({ id, principal, scope, channel: { transport, ids }, server }),
      onsessionclosed: () => sessions.remove(id),
    })
    const server: Server = createMcpServer(this.#options, {
      scope,
      era: 'legacy',
      callerOf: callerOf(FACE, id),
      ids,
      endStream: (requestId) => transport.closeSSEStream(requestId),
      instructions: catalog.viewOf(principal, scope).instructions,
    })
    await server.connect(transport)
    await transport.handleRequest(request, response, request.body as unknown)
    const wasRefused = transport.sessionId === undefined
    if (wasRefused) await transport.close()
  }

  #register(opened: {
    id: string
    principal: Principal
    scope: string | undefined
    channel: Channel
    server: Server
  }): void {
    const { sessions, viewWatch, clock } = this.#options
    const { id, principal, scope, channel, server } = opened
    const stopWatching = viewWatch.watch(principal, scope, (kinds) => notifyListChanged(server, kinds))
    const session: Session = {
      id,
      face: FACE,
      principal,
      openStreams: 0,
      lastUsedAt: clock.monotonic(),
      close: () => void channel.transport.close(),
    }
    sessions.add(session)
    this.#channels.set(id, channel)
    const closed = server.onclose
    server.onclose = () => {
      stopWatching()
      sessions.remove(id)
      this.#channels.delete(id)
      closed?.()
    }
  }
}

/** What the SDK needs to know of a request to tell its era. */
function asInbound(request: Request, body: unknown): InboundHttpRequest {
  const protocolVersionHeader = request.get('mcp-protocol-version')
  const mcpMethodHeader = request.get('mcp-method')
  const mcpNameHeader = request.get('mcp-name')
  return {
    httpMethod: request.method,
    ...(protocolVersionHeader !== undefined && { protocolVersionHeader }),
    ...(mcpMethodHeader !== undefined && { mcpMethodHeader }),
    ...(mcpNameHeader !== undefined && { mcpNameHeader }),
    ...(request.method === 'POST' && { body }),
  }
}
