import type { Request, Response } from 'express'
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse'
import { isFor } from '../../identity/audience.ts'
import type { Identity } from '../../identity/identity.ts'
import { whenTokenEnds } from '../../identity/token-end.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { eventText } from '../../domain/text/server-sent-event.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { AnswerWriter } from '../../replicas/replica-relay.ts'
import { authOf, callerOf, Sender } from '../conversation.ts'
import { type RelayedRequest, relayedJson, type SessionHttpRequest } from '../relay/relayed-request.ts'
import type { RelayedResponse, StreamResponse } from '../relay/stream-response.ts'
import { answeredBy, answerRelayed } from './elsewhere.ts'
import { canTake, keepAlive, writeTo } from './event-stream.ts'
import { notifyListChanged, watchFor } from '../methods/list-changed.ts'
import { DirectConversation } from '../direct/direct-conversation.ts'
import { createMcpServer } from '../mcp-server.ts'
import { asMessage, CANCELLED, isNotification, messageIn } from '../message.ts'
import type { EndpointOptions } from './modern-endpoint.ts'
import { NotificationLimit } from './notification-limit.ts'
import { RequestIds, requestIdIn } from '../request-ids.ts'
import type { Session } from '../session/session-store.ts'

const TRANSPORT = 'sse'
const REPLICA = /^\d{1,10}$/

/** How the direct path serves the messages of a session. */
export interface DirectMessages {
  readonly conversation: DirectConversation
  /** Takes the id of a request until `release`; says whether it was free. */
  claim(id: string | number): boolean
  release(id: string | number): void
}

interface Channel {
  readonly transport: SSEServerTransport
  readonly messages: DirectMessages
  readonly scope: string | undefined
  readonly ids: RequestIds
  readonly notifications: NotificationLimit
}

/** `GET /sse`, `GET /sse/{server}` and `POST /messages` (MCP 2024-11-05, HTTP with SSE): the stream is the session. */
export class SseEndpoint {
  readonly #options: EndpointOptions
  readonly #channels = new Map<string, Channel>()

  constructor(options: EndpointOptions) {
    this.#options = options
  }

  /** Opens a session; its stream ends when the token that opened it expires. */
  async open(response: Response, { identity: { principal, address }, scope }: Sender): Promise<void> {
    const { sessions, viewWatch, catalog, clock, publicUrl, replica } = this.#options
    sessions.makeRoom(principal)
    response.setHeader('X-Accel-Buffering', 'no')
    const transport = new SSEServerTransport(publicPath(publicUrl, `/messages?replica=${replica}`), response)
    const id = transport.sessionId
    const ids = new RequestIds()
    const conversation = new DirectConversation({
      id,
      transport: TRANSPORT,
      scope,
      answers: {
        tell: (_id, message) => void transport.send(asMessage(message)).catch(() => undefined),
        answer: (_id, text) => writeTo(response, eventText(text), false),
        drop: () => undefined,
      },
    })
    const server = createMcpServer(this.#options, {
      scope,
      era: 'legacy',
      callerOf: callerOf(TRANSPORT, id),
      onSession: (legacy) => conversation.attach(legacy),
      ids,
      view: catalog.viewOf(principal, scope),
    })
    const close = (): void => void transport.close()
    const session: Session = {
      id,
      transport: TRANSPORT,
      principal,
      address,
      openStreams: 1,
      lastUsedAt: clock.monotonic(),
      close,
      retire: () => {
        if (ids.isEmpty) close()
      },
    }
    const stopWatching = viewWatch.watch(
      principal,
      scope,
      (kinds) => notifyListChanged(server, kinds),
      watchFor(() => server, { id, transport: TRANSPORT }),
    )
    const cancelExpiry = whenTokenEnds(clock, principal, close)
    const stopKeepAlive = keepAlive(clock, response)
    const onClose = server.onclose
    server.onclose = () => {
      onClose?.()
      conversation.close()
      stopWatching()
      cancelExpiry()
      stopKeepAlive()
      sessions.remove(id)
      this.#channels.delete(id)
    }
    endWhenUnread(transport, response)
    sessions.add(session)
    const messages: DirectMessages = {
      conversation,
      claim: (requestId) => {
        if (ids.has(requestId)) return false
        ids.claim(requestId)
        return true
      },
      release: (requestId) => ids.release(requestId),
    }
    const notifications = new NotificationLimit({ clock })
    this.#channels.set(id, { transport, messages, scope, ids, notifications })
    await server.connect(transport)
  }

  /** The session of a message for the direct path; undefined if the general path has to serve or to refuse it. */
  directMessages(
    sessionId: string,
    { principal, paths }: Pick<Identity, 'principal'> & { readonly paths: readonly string[] },
  ): DirectMessages | undefined {
    const channel = this.#channels.get(sessionId)
    if (channel === undefined || !isFor(paths, pathOf(channel))) return undefined
    try {
      this.#options.sessions.of(sessionId, principal, TRANSPORT)
      return channel.messages
    } catch {
      return undefined
    }
  }

  /**
   * Takes one message of a session, or hands it to the replica that has the session's stream, on which the answer is
   * sent.
   */
  async post(request: Request, response: Response, identity: Identity): Promise<void> {
    const { sessionId, replica } = request.query
    if (typeof sessionId !== 'string')
      throw new GatewayError('invalid_request', 'sessionId is missing in the query')
    const { relay } = this.#options
    const isHere = this.#channels.has(sessionId) || replica === undefined || replica === relay?.self
    if (isHere || relay === undefined) return this.#take(request, response, { sessionId, identity })
    if (typeof replica !== 'string' || !REPLICA.test(replica) || !(await relay.isPresent(replica)))
      throw new GatewayError('session_not_found')
    const sender = new Sender(identity, undefined)
    const json = { transport: TRANSPORT, ...relayedJson(request, { sessionId, sender }) }
    await answeredBy(relay, replica, json, response)
  }

  /** Takes a message that arrived at another replica. */
  handleRelayed(json: JsonObject, writer: AnswerWriter, signal: AbortSignal): Promise<void> {
    const { grantOf } = this.#options
    const serve = (request: RelayedRequest, response: RelayedResponse): Promise<void> => {
      const { sessionId, sender } = request
      return this.#take(request, response, { sessionId, identity: sender.identity })
    }
    return answerRelayed(json, writer, signal, { grantOf, serve })
  }

  async #take(
    request: Pick<SessionHttpRequest, 'body'>,
    response: StreamResponse,
    { sessionId, identity }: { readonly sessionId: string; readonly identity: Identity },
  ): Promise<void> {
    const { principal, paths = [] } = identity
    this.#options.sessions.of(sessionId, principal, TRANSPORT)
    const channel = this.#channels.get(sessionId)
    if (channel === undefined || !isFor(paths, pathOf(channel))) throw new GatewayError('session_not_found')
    const body = messageIn(request.body)
    if (isNotification(body)) {
      channel.notifications.take(body)
      const { conversation } = channel.messages
      if (body.method === CANCELLED && conversation.cancel(body.params?.['requestId']))
        return accept(response)
    }
    const requestId = requestIdIn(body)
    if (requestId !== undefined) {
      this.#options.sessions.checkAccepting()
      channel.ids.claim(requestId)
      response.once('close', () => channel.ids.release(requestId))
    }
    await channel.transport.handleMessage(body, { authInfo: authOf(new Sender(identity, channel.scope)) })
    accept(response)
  }
}

function accept(response: StreamResponse): void {
  response.writeHead(202)
  response.end('Accepted')
}

/** The path at which the session was opened, for which its tokens are issued. */
function pathOf({ scope }: Channel): string {
  return scope === undefined ? '/sse' : `/sse/${scope}`
}

/** Makes a transport end its stream if the client does not read, so that its buffer stays limited. */
function endWhenUnread(transport: SSEServerTransport, response: Response): void {
  const send = transport.send.bind(transport)
  transport.send = async (message, options) => {
    if (canTake(response)) await send(message, options)
  }
}
