import { randomBytes } from 'node:crypto'
import { classifyInboundRequest, type InboundHttpRequest, type Server } from '@modelcontextprotocol/server'
import type { Request, Response } from 'express'
import { whenTokenEnds } from '../../identity/token-end.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import { DirectSession } from './direct-session.ts'
import { attachSender, callerOf, type Sender } from '../conversation.ts'
import { EventStore } from '../session/event-store.ts'
import { notifyListChanged, watchFor } from '../methods/list-changed.ts'
import { checkInitialize, isInitialize } from './initialize.ts'
import { createMcpServer } from '../mcp-server.ts'
import { checkEnvelope, isNotification, isRequest, messageIn, withoutNulls } from '../message.ts'
import { type EndpointOptions, ModernEndpoint } from './modern-endpoint.ts'
import { NotificationLimit } from './notification-limit.ts'
import { RequestIds, requestIdIn } from '../request-ids.ts'
import type { Session, SessionStore } from '../session/session-store.ts'
import { checkAccepts, SessionTransport } from './session-transport.ts'

const TRANSPORT = 'streamable-http'
const SESSION_ID_BYTES = 24
/** The stateless revision, which has only `POST` (MCP 2026-07-28, Streamable HTTP). */
const MODERN_REVISION = '2026-07-28'

interface Channel {
  readonly transport: SessionTransport
  readonly scope: string | undefined
  readonly ids: RequestIds
  readonly notifications: NotificationLimit
  readonly direct: DirectSession
}

/**
 * `POST`, `GET` and `DELETE` of `/mcp` and `/mcp/{server}`: determines the era of a request, and keeps a session for
 * legacy clients (MCP 2025-11-25, Streamable HTTP). Every request of a session must come from the principal that opened
 * it.
 */
export class StreamableHttpEndpoint {
  readonly #options: EndpointOptions
  readonly #modern: ModernEndpoint
  readonly #channels = new Map<string, Channel>()
  readonly #events: EventStore

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#events = new EventStore(options)
    this.#modern = new ModernEndpoint(options)
  }

  async handle(request: Request, response: Response, sender: Sender): Promise<void> {
    const body = withoutNulls(request.body)
    request.body = body
    if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
    if (request.method === 'POST') checkAccepts(request)
    const outcome = classifyInboundRequest(asInbound(request, body))
    if (outcome.kind !== 'legacy') {
      checkEnvelope(body)
      return this.#modern.handle(request, response, sender)
    }
    attachSender(request, sender)
    const sessionId = request.get('mcp-session-id')
    if (sessionId !== undefined) return this.#continue(request, response, sender, sessionId)
    if (request.method !== 'POST' && request.get('mcp-protocol-version') === MODERN_REVISION) {
      response.setHeader('Allow', 'POST')
      throw new GatewayError(
        'method_not_allowed',
        `The method is ${request.method}; clients of revision ${MODERN_REVISION} must use POST`,
      )
    }
    if (!isInitialize(body) || requestIdIn(body) === undefined) {
      throw new GatewayError(
        'invalid_request',
        'Mcp-Session-Id is missing, and the request is not initialize',
      )
    }
    checkInitialize(body)
    return this.#open(request, response, sender)
  }

  /**
   * The session of a request for the direct path; undefined if the general path has to serve or to refuse it.
   * @param scope the one server that the request addresses
   */
  directSession(
    sessionId: string,
    principal: Principal,
    scope: string | undefined,
  ): { readonly session: Session; readonly direct: DirectSession } | undefined {
    const channel = this.#channels.get(sessionId)
    if (channel === undefined || channel.scope !== scope || !channel.direct.isPlain) return undefined
    try {
      return { session: this.#options.sessions.of(sessionId, principal, TRANSPORT), direct: channel.direct }
    } catch {
      return undefined
    }
  }

  close(): Promise<void> {
    return this.#modern.close()
  }

  #continue(
    request: Request,
    response: Response,
    { identity: { principal }, scope }: Sender,
    sessionId: string,
  ): void {
    const session = this.#options.sessions.of(sessionId, principal, TRANSPORT)
    const channel = this.#channels.get(sessionId)
    if (channel === undefined || channel.scope !== scope) throw new GatewayError('session_not_found')
    session.openStreams += 1
    response.once('close', () => {
      session.openStreams -= 1
      session.lastUsedAt = this.#options.clock.monotonic()
    })
    switch (request.method) {
      case 'GET':
        return this.#listen(request, response, channel, principal)
      case 'DELETE':
        response.status(200).end()
        return session.close()
      default:
        return post(request, response, channel, this.#options.sessions)
    }
  }

  /** Opens a stream, which ends when the token that opened it expires. */
  #listen(request: Request, response: Response, { transport }: Channel, principal: Principal): void {
    transport.listen(request, response)
    response.once(
      'close',
      whenTokenEnds(this.#options.clock, principal, () => response.end()),
    )
  }

  async #open(
    request: Request,
    response: Response,
    { identity: { principal }, scope }: Sender,
  ): Promise<void> {
    const { sessions, catalog, clock } = this.#options
    sessions.makeRoom(principal)
    const id = randomBytes(SESSION_ID_BYTES).toString('base64url')
    const ids = new RequestIds()
    const transport = new SessionTransport({ sessionId: id, events: this.#events.open(principal), clock })
    const direct = new DirectSession({ transport, ids })
    const server: Server = createMcpServer(this.#options, {
      scope,
      era: 'legacy',
      onSession: (session) => direct.attach(session),
      callerOf: callerOf(TRANSPORT, id),
      ids,
      endStream: (requestId) => transport.endStream(requestId),
      isReachable: () => transport.isListening,
      view: catalog.viewOf(principal, scope),
    })
    await server.connect(transport)
    const notifications = new NotificationLimit({ clock })
    this.#register({ transport, scope, ids, notifications, direct }, server, principal)
    transport.post(request, response, messageIn(request.body))
  }

  #register(channel: Channel, server: Server, principal: Principal): void {
    const { sessions, viewWatch, clock } = this.#options
    const { transport, scope } = channel
    const id = transport.sessionId
    const stopWatching = viewWatch.watch(
      principal,
      scope,
      (kinds) => notifyListChanged(server, kinds),
      watchFor(() => server, { id, transport: TRANSPORT }),
    )
    const session: Session = {
      id,
      transport: TRANSPORT,
      principal,
      openStreams: 0,
      lastUsedAt: clock.monotonic(),
      close: () => void transport.close(),
    }
    sessions.add(session)
    this.#channels.set(id, channel)
    const onClose = server.onclose
    server.onclose = () => {
      onClose?.()
      channel.direct.close()
      stopWatching()
      sessions.remove(id)
      this.#channels.delete(id)
    }
  }
}

function post(
  request: Request,
  response: Response,
  { transport, ids, notifications, direct }: Channel,
  sessions: SessionStore,
): void {
  const message = messageIn(request.body)
  if (isRequest(message)) {
    sessions.checkAccepting() // answers and notifications go on: calls under way may wait for them
    const { id, method } = message
    if (method === 'initialize') throw new GatewayError('invalid_request', 'The session is open already')
    ids.claim(id)
    response.once('close', () => ids.release(id))
  }
  if (isNotification(message)) {
    notifications.take(message)
    if (message.method === 'notifications/cancelled' && direct.cancel(message.params?.['requestId'])) {
      response.status(202).end()
      return
    }
  }
  transport.post(request, response, message)
}

/** The parts of a request from which the SDK determines its era. */
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
