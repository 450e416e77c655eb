import {
  type AuthInfo,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/server'
import type { Clock } from '../../domain/clock.ts'
import { TransientMap } from '../../domain/concurrency/transient-map.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { eventText } from '../../domain/text/server-sent-event.ts'
import type { SessionHttpRequest } from '../relay/relayed-request.ts'
import type { StreamResponse } from '../relay/stream-response.ts'
import type { SessionEvents } from '../session/event-store.ts'
import type { QuestionIds } from '../session/question-ids.ts'
import { accepted, type KeepAlives, writeHead } from './event-stream.ts'
import { checkAcceptsEvents, checkVersion, versionOf } from './request-heads.ts'
import { SessionStream } from './session-stream.ts'
import { CANCELLED, isAnswer, isNotification, isRequest } from '../message.ts'

type RequestId = JSONRPCRequest['id']

/** Time for a client that lost the stream of a call to reconnect before the call is cancelled. */
const RESUME_GRACE_MS = 700
/** Time that clients are told to wait before they reconnect (`retry` of server-sent events). */
const RETRY_MS = 200
/**
 * Time that the first event of a request's stream may wait for the answer. A refusal leaves within it, so that what was
 * decided shows in no part of its response before.
 */
const HOLD_MS = 50
/** First revision whose clients understand an event without data (MCP 2025-11-25, Streamable HTTP). */
const FIRST_WITH_EMPTY_EVENTS = '2025-11-25'
/** Of the `initialize` that no client sent here. */
const REPLAY_ID = 'tool-gateway-replay'
/** The stream for messages that belong to no request. */
const OWN_STREAM = 0

/**
 * The legacy side of Streamable HTTP for one session (MCP 2025-03-26 to 2025-11-25). It takes messages that were
 * authenticated and parsed; each request has a separate stream, which the client can resume.
 */
export class SessionTransport implements Transport {
  onclose: Transport['onclose']
  onerror: Transport['onerror']
  onmessage: Transport['onmessage']
  readonly sessionId: string
  readonly #events: SessionEvents
  readonly #clock: Clock
  readonly #keepAlives: KeepAlives
  readonly #questions: QuestionIds
  readonly #onUnsent: ((message: JSONRPCNotification) => void) | undefined
  #onReplayed: (() => void) | undefined
  /** Streams that may still get messages. */
  readonly #streams = new TransientMap<number, SessionStream>()
  readonly #ofRequests = new TransientMap<RequestId, SessionStream>()
  #lastStream = OWN_STREAM
  #isClosed = false

  /** @param options.onUnsent gets what belongs to no request while the client has no stream for it here */
  constructor(options: {
    sessionId: string
    events: SessionEvents
    questions: QuestionIds
    onUnsent?: (message: JSONRPCNotification) => void
    clock: Clock
    keepAlives: KeepAlives
  }) {
    this.sessionId = options.sessionId
    this.#events = options.events
    this.#questions = options.questions
    this.#onUnsent = options.onUnsent
    this.#clock = options.clock
    this.#keepAlives = options.keepAlives
  }

  /** Whether the client has a stream open for messages that belong to no request. */
  get isListening(): boolean {
    return this.#streams.get(OWN_STREAM)?.response !== undefined
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  /** Tells the server of the session what its client said when it opened the session at another replica. */
  async replay(initialize: JsonObject): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onReplayed = resolve
    this.onmessage?.({ jsonrpc: '2.0', id: REPLAY_ID, method: 'initialize', params: initialize })
    await promise
    this.#onReplayed = undefined
    this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/initialized' })
  }

  /** Takes one message of the client: a request opens its stream, everything else is answered with 202. */
  post(request: SessionHttpRequest, response: StreamResponse, message: JSONRPCMessage): void {
    checkVersion(request)
    if (isRequest(message)) this.openFor(message.id, versionOf(request, message), response)
    else accepted(response)
    this.take(message, request.auth)
  }

  /** Takes a message of the client that needs no response of its own. */
  take(message: JSONRPCMessage, auth?: AuthInfo): void {
    const taken = isAnswer(message) ? this.#questions.ownAnswer(message) : message
    if (taken !== undefined) this.onmessage?.(taken, auth === undefined ? {} : { authInfo: auth })
  }

  /**
   * Opens the stream for messages that belong to no request, or resumes the one that `Last-Event-ID` names. Either
   * replaces a connection that is still open.
   * @param options.isResumed false where the events before are those of another replica
   * @throws GatewayError `not_acceptable`, `stream_not_kept`
   */
  listen(request: SessionHttpRequest, response: StreamResponse, { isResumed = true } = {}): void {
    checkVersion(request)
    checkAcceptsEvents(request)
    const lastEventId = isResumed ? request.get('last-event-id') : undefined
    if (lastEventId !== undefined) return this.#resume(lastEventId, response)
    const stream = this.#streams.get(OWN_STREAM) ?? this.#newStream(OWN_STREAM)
    this.#attach(stream, response)
    this.#prime(stream, versionOf(request))
  }

  /** Ends the connection of the stream for messages that belong to no request; the client can resume it. */
  endOwnStream(): void {
    this.#streams.get(OWN_STREAM)?.response?.end()
  }

  /** Ends the stream of a request that gets no answer. */
  endStream(requestId: RequestId): void {
    const stream = this.#ofRequests.get(requestId)
    if (stream === undefined) return
    this.#events.discard(stream.number)
    this.#forget(stream)
    stream.finish()?.end()
  }

  /** @throws Error if the client has no stream on which it could get the message, now or later */
  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const isLast = isAnswer(message) && message.id !== undefined
    if (isLast && message.id === REPLAY_ID && this.#onReplayed !== undefined) return this.#onReplayed()
    const requestId = isLast ? message.id : options?.relatedRequestId
    this.#sendOn(this.#streamFor(message, requestId), JSON.stringify(this.#questions.asSent(message)), isLast)
  }

  /** Sends the answer to a request, as JSON in one line. */
  answer(requestId: RequestId, json: string): void {
    const stream = this.#ofRequests.get(requestId)
    if (stream !== undefined) this.#sendOn(stream, json, true)
  }

  #sendOn(stream: SessionStream, data: string, isLast: boolean): void {
    const event = eventText(data, { id: this.#events.add(stream.number, data) })
    if (!isLast) return stream.send(event)
    this.#events.finish(stream.number)
    this.#forget(stream)
    stream.end(event)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const stream of this.#streams.values()) {
      this.#forget(stream)
      stream.finish()?.end()
    }
    this.#events.close()
    this.onclose?.()
  }

  /**
   * Opens the stream of a request, which the client can resume.
   * @param version the revision of the protocol that the request names
   * @param options.onGone called when the client has gone and has not come back; by default the request is cancelled
   * @param options.head further headers of the response, as alternating names and values
   */
  openFor(
    id: RequestId,
    version: string,
    response: StreamResponse,
    { onGone, head }: { readonly onGone?: () => void; readonly head?: readonly string[] } = {},
  ): void {
    const stream = this.#newStream((this.#lastStream += 1), id, onGone)
    this.#ofRequests.set(id, stream)
    this.#attach(stream, response, head)
    this.#prime(stream, version, HOLD_MS)
  }

  #streamFor(message: JSONRPCMessage, requestId: RequestId | undefined): SessionStream {
    const stream = requestId === undefined ? this.#streams.get(OWN_STREAM) : this.#ofRequests.get(requestId)
    if (stream !== undefined) return stream
    if (requestId === undefined && isNotification(message)) this.#onUnsent?.(message)
    throw new Error('the client has no stream for this message')
  }

  #newStream(number: number, requestId?: RequestId, onGone?: () => void): SessionStream {
    const stream = new SessionStream({
      sessionId: this.sessionId,
      number,
      requestId,
      onGone,
      clock: this.#clock,
      keepAlives: this.#keepAlives,
    })
    this.#streams.set(number, stream)
    return stream
  }

  /**
   * An event without data gives the client an id to resume from before there is anything to send.
   * @param holdMs how long it may wait, so that a quick answer leaves together with it
   */
  #prime(stream: SessionStream, version: string, holdMs = 0): void {
    const id = this.#events.begin(stream.number)
    const isKnown = version >= FIRST_WITH_EMPTY_EVENTS
    stream.begin(isKnown ? `id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n` : '', holdMs)
  }

  #resume(lastEventId: string, response: StreamResponse): void {
    const missed = this.#events.after(lastEventId)
    if (missed === undefined) throw new GatewayError('stream_not_kept')
    const text = missed.events.map(({ id, data }) => eventText(data, { id })).join('')
    const stream = this.#streams.get(missed.stream)
    if (stream === undefined) {
      writeHead(response, this.sessionId)
      response.end(text)
    } else {
      this.#attach(stream, response)
      stream.begin(text, 0)
    }
  }

  /**
   * The newest connection of a stream replaces the previous one: the client notices a lost connection before the
   * gateway does.
   */
  #attach(stream: SessionStream, response: StreamResponse, head?: readonly string[]): void {
    stream.attach(response, head)?.end()
    const onClose = (): void => {
      if (stream.response === response) this.#lost(stream)
    }
    if (response.closed) onClose()
    else response.once('close', onClose)
  }

  /**
   * A client that drops the stream of a call has disconnected, or lost the connection: it gets a short time to
   * reconnect. The specification lets the call continue; but then the calls of disconnected clients would never be
   * cancelled.
   */
  #lost(stream: SessionStream): void {
    stream.detach()
    const { requestId } = stream
    if (requestId === undefined) return
    stream.cancelGrace = this.#clock.after(RESUME_GRACE_MS, () => {
      const params = { requestId, reason: 'the client disconnected' }
      if (stream.onGone !== undefined) stream.onGone()
      else this.onmessage?.({ jsonrpc: '2.0', method: CANCELLED, params })
      this.endStream(requestId)
    })
  }

  /** Removes a stream from the open ones. */
  #forget({ number, requestId }: SessionStream): void {
    this.#streams.delete(number)
    if (requestId !== undefined) this.#ofRequests.delete(requestId)
  }
}
