import type { ServerResponse } from 'node:http'
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { whenTokenEnds } from '../../identity/token-end.ts'
import type { AnswerWriter } from '../../replicas/replica-relay.ts'
import type { ListKind } from '../../upstream/connection/connection.ts'
import type { Sender } from '../conversation.ts'
import { CANCELLED, isNotification, isRequest, messageIn } from '../message.ts'
import { notifyListChanged } from '../methods/list-changed.ts'
import { type RelayedRequest, relayedJson, type SessionHttpRequest } from '../relay/relayed-request.ts'
import type { RelayedResponse, StreamResponse } from '../relay/stream-response.ts'
import { originOf } from '../session/event-store.ts'
import { SessionPlaces } from '../session/session-places.ts'
import { answeredBy, answerRelayed, messageOf, replicaFor } from './elsewhere.ts'
import type { EndpointOptions } from './modern-endpoint.ts'
import type { Channel, SessionChannels } from './session-channels.ts'

const ROOTS_CHANGED = 'notifications/roots/list_changed'
const LIST_KINDS: readonly ListKind[] = ['tools', 'resources', 'prompts']

interface Received {
  readonly sessionId: string
  readonly sender: Sender
}

/**
 * The requests of sessions of Streamable HTTP. Each replica can answer most of them; what only one of them has is asked
 * of that one.
 */
export class SessionRequests {
  readonly #options: EndpointOptions
  readonly #channels: SessionChannels
  readonly #places: SessionPlaces

  constructor(options: EndpointOptions, channels: SessionChannels) {
    this.#options = options
    this.#channels = channels
    this.#places = new SessionPlaces({ relay: options.relay, notes: options.sessionNotes })
  }

  /** Answers a request of a client, here or by way of another replica. */
  async handle(request: SessionHttpRequest, response: ServerResponse, received: Received): Promise<void> {
    const { identity, scope } = received.sender
    const { principal, address } = identity
    const channel = await this.#channels.of(received.sessionId, { principal, scope, address })
    const message = request.method === 'POST' ? messageIn(request.body) : undefined
    const replica = await this.#replicaFor(request, message, channel)
    const { relay } = this.#options
    if (replica !== undefined && relay !== undefined) {
      const json = { transport: 'streamable-http', ...relayedJson(request, received) }
      return answeredBy(relay, replica, json, response)
    }
    if (response.closed) return
    await this.#serve(request, response, { channel, message, sender: received.sender })
    if (message !== undefined) await this.#tellOthers(message, channel)
  }

  /** Whether the direct path may serve calls of a session. */
  isHere(channel: Channel): boolean {
    const { catalog } = this.#options
    return !this.#places.mayBeElsewhere(channel, catalog.snapshot, channel.session.principal.tenantId)
  }

  /** Answers a request that arrived at another replica. */
  handleRelayed(json: JsonObject, writer: AnswerWriter, signal: AbortSignal): Promise<void> {
    const { grantOf } = this.#options
    const serve = async (request: RelayedRequest, response: RelayedResponse): Promise<void> => {
      const { sender, sessionId } = request
      const { principal, address } = sender.identity
      const channel = await this.#channels.of(sessionId, { principal, scope: sender.scope, address })
      const message = request.method === 'POST' ? messageIn(request.body) : undefined
      await this.#serve(request, response, { channel, message, sender })
    }
    return answerRelayed(json, writer, signal, { grantOf, serve })
  }

  /** Takes what another replica tells of a session that may be here, too. */
  onNews(news: JsonObject): void {
    const channel = this.#channels.ofId(news['id'])
    if (channel === undefined) return
    const { kind, level } = news
    const message = messageOf(news)
    if (kind === 'ended') channel.session.close()
    else if (kind === 'level') channel.legacy.client.setLogLevel(level)
    else if (kind === 'sent' && message !== undefined) channel.transport.take(message)
    else if (kind === 'unsent' && message !== undefined && channel.transport.isListening)
      void channel.transport.send(message).catch(() => undefined)
  }

  async #replicaFor(
    request: SessionHttpRequest,
    message: JSONRPCMessage | undefined,
    channel: Channel,
  ): Promise<string | undefined> {
    if (message !== undefined)
      return replicaFor(message, channel, { places: this.#places, options: this.#options })
    const { relay, replica } = this.#options
    const origin = originOf(lastEventId(request))
    if (origin === undefined || origin.replica === replica || !origin.isOfRequest) return undefined
    if (relay === undefined || !(await relay.isPresent(String(origin.replica))))
      throw new GatewayError('stream_not_kept', 'The replica that kept the events of this stream has ended')
    return String(origin.replica)
  }

  async #serve(
    request: SessionHttpRequest,
    response: StreamResponse,
    what: {
      readonly channel: Channel
      readonly message: JSONRPCMessage | undefined
      readonly sender: Sender
    },
  ): Promise<void> {
    const { channel, message, sender } = what
    const { session } = channel
    session.openStreams += 1
    response.once('close', () => {
      session.openStreams -= 1
      session.lastUsedAt = this.#options.clock.monotonic()
    })
    if (message !== undefined) this.#post(request, response, { channel, message })
    else if (request.method === 'DELETE') await this.#end(channel, response)
    else await this.#listen(request, response, { channel, sender })
  }

  #post(
    request: SessionHttpRequest,
    response: StreamResponse,
    { channel, message }: { readonly channel: Channel; readonly message: JSONRPCMessage },
  ): void {
    const { transport, ids, notifications, direct } = channel
    if (isRequest(message)) {
      // Answers and notifications are still accepted: calls in progress may wait for them.
      this.#options.sessions.checkAccepting()
      const { id, method } = message
      if (method === 'initialize') throw new GatewayError('invalid_request', 'The session is open already')
      ids.claim(id, request.heldBody)
      response.once('close', () => ids.release(id))
    }
    if (isNotification(message)) {
      notifications.take(message)
      if (message.method === CANCELLED && direct.cancel(message.params?.['requestId'])) {
        response.writeHead(202)
        response.end()
        return
      }
    }
    transport.post(request, response, message)
  }

  /** A notification about what another replica may be doing for the session. */
  async #tellOthers(message: JSONRPCMessage, { session: { id }, ids }: Channel): Promise<void> {
    if (!isNotification(message)) return
    const { method, params } = message
    const isOfOthers = method === ROOTS_CHANGED || (method === CANCELLED && !ids.has(params?.['requestId']))
    if (isOfOthers) await this.#options.relay?.tell({ kind: 'sent', id, message })
  }

  async #end({ session }: Channel, response: StreamResponse): Promise<void> {
    session.close()
    await session.forbid?.({ isByClient: true })
    response.writeHead(200)
    response.end()
  }

  /**
   * Opens or resumes a stream, which ends when the token that opened it expires. The client's stream of its own
   * continues at any replica: what it missed elsewhere it is told to look up.
   */
  async #listen(
    request: SessionHttpRequest,
    response: StreamResponse,
    { channel, sender }: { readonly channel: Channel; readonly sender: Sender },
  ): Promise<void> {
    const { replica, clock } = this.#options
    const { transport, session } = channel
    const origin = originOf(lastEventId(request))
    const isResumed = origin === undefined || origin.replica === replica
    transport.listen(request, response, { isResumed })
    response.once(
      'close',
      whenTokenEnds(clock, session.principal, () => response.end()),
    )
    const uris = origin?.isOfRequest === true ? [] : await this.#moveStream(channel, sender)
    if (isResumed) return
    notifyListChanged(channel.server, new Set(LIST_KINDS))
    for (const uri of uris) channel.legacy.client.tell('notifications/resources/updated', { uri })
  }

  /** This replica has the stream of the session now: what the client is subscribed to has to be watched from here. */
  async #moveStream(channel: Channel, { identity }: Sender): Promise<readonly string[]> {
    const { relay, sessionNotes } = this.#options
    const { session, legacy, until } = channel
    const noted = { id: session.id, until, principal: session.principal }
    const note =
      relay === undefined
        ? await sessionNotes.of(session.id)
        : await sessionNotes.change(noted, (before) =>
            before.stream === relay.self ? before : { ...before, stream: relay.self },
          )
    const { principal, requestId, clientName, address, presented } = identity
    const from = { principal, requestId, clientName, address, presented }
    const caller = { ...from, transport: session.transport, sessionId: session.id }
    const uris = note?.subscriptions ?? []
    await legacy.resume(uris, { ...caller, client: legacy.client })
    return uris
  }
}

function lastEventId(request: SessionHttpRequest): string {
  return request.method === 'GET' ? (request.get('last-event-id') ?? '') : ''
}
