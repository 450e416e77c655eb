import type { Server } from '@modelcontextprotocol/server'
import type { Request, Response } from 'express'
import { isFor } from '../../identity/audience.ts'
import type { Identity } from '../../identity/identity.ts'
import { whenTokenEnds } from '../../identity/token-end.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { AnswerWriter } from '../../replicas/replica-relay.ts'
import { authOf, callerOf, Sender } from '../conversation.ts'
import { type RelayedRequest, relayedJson, type SessionHttpRequest } from '../relay/relayed-request.ts'
import type { RelayedResponse, StreamResponse } from '../relay/stream-response.ts'
import { answeredBy, answerRelayed } from './elsewhere.ts'
import { notifyListChanged, watchFor } from '../methods/list-changed.ts'
import { createMcpServer } from '../mcp-server.ts'
import { CANCELLED, isNotification, messageIn } from '../message.ts'
import type { EndpointOptions } from './modern-endpoint.ts'
import { requestIdIn } from '../request-ids.ts'
import { type DirectMessages, SseSession, type SseSessionOptions } from './sse-session.ts'
import { SseTransport } from './sse-transport.ts'

const TRANSPORT = 'sse'
const REPLICA = /^\d{1,10}$/

/** `GET /sse`, `GET /sse/{server}` and `POST /messages` (MCP 2024-11-05, HTTP with SSE): the stream is the session. */
export class SseEndpoint {
  readonly #options: EndpointOptions
  readonly #sessions = new Map<string, SseSession>()

  readonly #ofSessions: SseSessionOptions

  constructor(options: EndpointOptions) {
    this.#options = options
    this.#ofSessions = {
      calls: options.calls,
      clock: options.clock,
      makeServer: (session) => this.#makeServer(session),
      onEnd: ({ id }) => {
        options.sessions.remove(id)
        this.#sessions.delete(id)
      },
    }
  }

  /** Opens a session; its stream ends when the token that opened it expires. */
  open(response: Response, { identity: { principal, address }, scope }: Sender): void {
    const { sessions, viewWatch, clock, publicUrl, replica, keepAlives } = this.#options
    sessions.makeRoom(principal)
    const postTo = publicPath(publicUrl, `/messages?replica=${replica}`)
    const stream = new SseTransport({ response, postTo })
    const session = new SseSession(this.#ofSessions, { identity: { principal, address }, scope, stream })
    const { id, server } = session
    session.leave = [
      viewWatch.watch(
        principal,
        scope,
        (kinds) => notifyListChanged(server, kinds),
        watchFor(() => server, { id, transport: TRANSPORT }),
      ),
      whenTokenEnds(clock, principal, () => session.close()),
      keepAlives.add(session),
    ]
    sessions.add(session)
    this.#sessions.set(id, session)
    session.begin()
  }

  #makeServer({ id, scope, principal, ids, legacy }: SseSession): Server {
    return createMcpServer(this.#options, {
      scope,
      era: 'legacy',
      sessionId: id,
      callerOf: callerOf(TRANSPORT, id),
      session: legacy,
      ids,
      view: this.#options.catalog.viewOf(principal, scope),
    })
  }

  /** The session of a message for the direct path; undefined if the general path has to serve or to refuse it. */
  directMessages(
    sessionId: string,
    { principal, paths }: Pick<Identity, 'principal'> & { readonly paths: readonly string[] },
  ): DirectMessages | undefined {
    const session = this.#sessions.get(sessionId)
    if (session === undefined || !isFor(paths, session.path)) return undefined
    try {
      this.#options.sessions.of(sessionId, principal, TRANSPORT)
      return session
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
    const isHere = this.#sessions.has(sessionId) || replica === undefined || replica === relay?.self
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
    request: Pick<SessionHttpRequest, 'body' | 'heldBody'>,
    response: StreamResponse,
    { sessionId, identity }: { readonly sessionId: string; readonly identity: Identity },
  ): Promise<void> {
    const { principal, paths = [] } = identity
    this.#options.sessions.of(sessionId, principal, TRANSPORT)
    const session = this.#sessions.get(sessionId)
    if (session === undefined || !isFor(paths, session.path)) throw new GatewayError('session_not_found')
    const message = messageIn(request.body)
    if (isNotification(message)) {
      session.notifications.take(message)
      if (message.method === CANCELLED && session.conversation.cancel(message.params?.['requestId']))
        return accept(response)
    }
    const requestId = requestIdIn(message)
    if (requestId !== undefined) {
      this.#options.sessions.checkAccepting()
      session.ids.claim(requestId, request.heldBody)
    }
    const taken = session.server.take(message, authOf(new Sender(identity, session.scope)))
    // What the SDK begins with a few promises later holds the id itself.
    if (requestId !== undefined) void taken.then(() => setImmediate(() => session.release(requestId)))
    accept(response)
  }
}

function accept(response: StreamResponse): void {
  response.writeHead(202)
  response.end('Accepted')
}
