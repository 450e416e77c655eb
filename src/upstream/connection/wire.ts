import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type RequestId,
  SUBSCRIPTION_ID_META_KEY,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../../domain/json/json.ts'
import type { ClientSide } from '../messages/client-side.ts'
import { FollowedRequest, type Following } from '../messages/followed-request.ts'
import { isMistakable, meantId } from '../messages/message-id.ts'
import { openingAnswer } from './opening/opening-answer.ts'
import { type Response, standIn, withoutNulls } from '../messages/raw-results.ts'
import { type Addressee, type ServerRequest, ServerRequests } from '../messages/server-requests.ts'
import { exchanges } from '../messages/stream-context.ts'
import type { OnMessage } from './decorators/tap.ts'

/** Notifications that the SDK must see. All others are forwarded or dropped here. */
const FOR_SDK = new Set([
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/prompts/list_changed',
  'notifications/subscriptions/acknowledged',
])

/** `data` of the error for a request whose response stream ended without an answer. */
export const STREAM_ENDED = 'tool-gateway/stream-ended'
/** `data` of the error for a request whose answer was not JSON, or not a message. */
export const UNREADABLE = 'tool-gateway/unreadable'
/** Names of the errors that the SDK reports for an event that it drops. */
const PARSE_ERRORS = new Set(['SyntaxError', 'ZodError'])
/** Time for the other events that arrived together with an unreadable one. */
const READING_MS = 50

/** The request that is being sent, and its id once that is known. */
type Sending = { readonly request: FollowedRequest; id?: RequestId }

/**
 * Intercepting transport between the SDK's client and the real transport. It handles what the SDK would lose:
 * `rawResult` gets every field of a result, progress is reported before its response, an HTTP request fails as soon as
 * its response stream ends without a response, and messages and requests of the server reach their client unchanged.
 */
export class Wire implements Transport {
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onmessage?: ((message: JSONRPCMessage) => void) | undefined
  readonly hasPerRequestStream: boolean

  readonly #transport: Transport
  readonly #client: ClientSide | undefined
  readonly #onResourceUpdated: (params: JsonObject) => void
  readonly #onMessage: OnMessage | undefined
  readonly #requests: ServerRequests
  /** Requests in flight, oldest first. */
  readonly #inFlight = new Map<RequestId, FollowedRequest>()
  /** Requests of the SDK itself that are in flight. */
  readonly #own = new Set<RequestId>()
  /** Requests whose answers have probably arrived, but were unreadable. */
  readonly #unreadable = new Set<RequestId>()
  readonly #clock: Clock
  readonly #takeAnswered: () => RequestId[]
  /** Ids of `initialize` requests without an answer. */
  readonly #openings = new Set<unknown>()
  #next: Sending | undefined
  /** Servers of 2026-07-28 send no requests; any that arrive are ignored here. */
  #mayAsk = true

  constructor(options: {
    transport: Transport
    /** The one client that the connection is for. */
    client: ClientSide | undefined
    onResourceUpdated: (params: JsonObject) => void
    clock: Clock
    askTimeoutMs: number
    /** Gets every message of both directions. */
    onMessage?: OnMessage | undefined
    /** The requests that unreadable input, just received, probably answers. */
    takeAnswered: () => RequestId[]
  }) {
    const { transport, client, clock, askTimeoutMs } = options
    this.#clock = clock
    this.#takeAnswered = options.takeAnswered
    this.#transport = transport
    this.#client = client
    this.#onResourceUpdated = options.onResourceUpdated
    this.#onMessage = options.onMessage
    this.hasPerRequestStream = transport.hasPerRequestStream === true
    const declared = client?.capabilities ?? {}
    this.#requests = new ServerRequests({
      send: (message) => this.send(message),
      clock,
      askTimeoutMs,
      declared,
    })
    // By these properties the SDK distinguishes a pipe, over which an unknown request may end a server, from HTTP.
    if ('pid' in transport) Object.assign(this, { pid: undefined, stderr: undefined })
    transport.onmessage = (message: JSONRPCMessage) => {
      try {
        this.#receive(message)
      } catch (error) {
        // For a pipe the SDK would throw it as an uncaught error.
        this.onerror?.(asError(error))
      }
    }
    transport.onerror = (error) => {
      if (PARSE_ERRORS.has(error.name)) this.#dropped()
      this.onerror?.(error)
    }
    transport.onclose = () => {
      this.#requests.cancelAll()
      this.onclose?.()
    }
  }

  get sessionId(): string | undefined {
    return this.#transport.sessionId
  }

  setProtocolVersion(version: string): void {
    this.#transport.setProtocolVersion?.(version)
  }

  start(): Promise<void> {
    return this.#transport.start()
  }

  close(): Promise<void> {
    this.#requests.cancelAll()
    return this.#transport.close()
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const next = this.#next
    if (next === undefined || !('method' in message) || !('id' in message)) {
      return this.#sendFor(undefined, this.#declaring(message), this.#ownOptions(message, options))
    }
    const { id } = message
    const { request } = next
    const { signal, headers } = request.following ?? {}
    next.id = id
    request.following?.onSent?.(id)
    this.#inFlight.set(id, request)
    return this.#sendFor(request, message, {
      ...options,
      ...(headers !== undefined && { headers }),
      requestSignal: options?.requestSignal ?? signal,
      onRequestStreamEnd: () => this.#endStream(id),
    })
  }

  /** The SDK would keep waiting for its own requests after their streams have ended. */
  #ownOptions(
    message: JSONRPCMessage,
    options: TransportSendOptions | undefined,
  ): TransportSendOptions | undefined {
    if (!('method' in message) || !('id' in message) || options?.onRequestStreamEnd !== undefined)
      return options
    const { id } = message
    this.#own.add(id)
    return { ...options, onRequestStreamEnd: () => this.#endStream(id) }
  }

  /** Follows the one request that `request` sends synchronously, until its promise settles. */
  async follow<T>(following: Following, request: () => Promise<T>): Promise<T> {
    const followed = new FollowedRequest(following)
    const next: Sending = { request: followed }
    try {
      return await this.#sendNext(next, request)
    } finally {
      if (next.id !== undefined) this.#forget(next.id)
      followed.settle()
    }
  }

  #sendNext<T>(next: Sending, request: () => Promise<T>): Promise<T> {
    this.#next = next
    try {
      return request()
    } finally {
      this.#next = undefined
    }
  }

  /** From now on the server may send no requests to clients; those in progress are cancelled. */
  endAsks(): void {
    this.#mayAsk = false
    this.#requests.cancelAll()
  }

  #sendFor(
    request: FollowedRequest | undefined,
    message: JSONRPCMessage,
    options: TransportSendOptions | undefined,
  ): Promise<void> {
    this.#onMessage?.('sent', message)
    if ('method' in message && 'id' in message && message.method === 'initialize')
      this.#openings.add(message.id)
    if (!this.hasPerRequestStream) return this.#transport.send(message, options)
    const isRequest = 'method' in message && 'id' in message
    // Also for a notification, because one of them opens the stream for all other messages.
    return exchanges.run({ request, isRequest }, () => this.#transport.send(message, options))
  }

  /** `initialize` with the client's own capabilities, because the SDK would only declare those that it knows. */
  #declaring(message: JSONRPCMessage): JSONRPCMessage {
    if (this.#client === undefined || !('method' in message) || message.method !== 'initialize')
      return message
    return { ...message, params: { ...message.params, capabilities: this.#client.capabilities } }
  }

  /** Takes a message that came beside the transport, on the response stream of a request for `client`. */
  take(message: JSONRPCMessage, client: ClientSide | undefined): void {
    const request = new FollowedRequest({ client })
    exchanges.run({ request, isRequest: true }, () => this.#receive(message))
    request.settle()
  }

  #receive(message: JSONRPCMessage): void {
    this.#onMessage?.('received', message)
    if (!('method' in message)) return this.#answer(message)
    // Too deeply nested parameters cannot be written as JSON again, so no client could get them.
    if (isDeeperThan(message.params, MAX_JSON_DEPTH)) return
    const request = this.#mayAsk ? serverRequest(message) : undefined
    if (request !== undefined) this.#requests.receive(request, () => this.#addressee())
    else if ('id' in message) this.onmessage?.(message)
    else this.#notification(message)
  }

  #answer(message: Response): void {
    const id = meantId(message.id)
    const isFollowed = id !== undefined && this.#inFlight.has(id)
    if (id !== undefined) this.#forget(id)
    if (isFollowed) this.onmessage?.(standIn(id, message))
    else if (!isMistakable(message.id)) {
      withoutNulls(message)
      const isOpening = id !== undefined && this.#openings.delete(id)
      this.onmessage?.(isOpening ? openingAnswer(message) : message)
    }
  }

  #notification(message: JSONRPCNotification): void {
    const { method } = message
    const params = isJsonObject(message.params) ? message.params : undefined
    if (method === 'notifications/progress') this.#progress(params)
    else if (method === 'notifications/resources/updated') this.#resourceUpdated(params)
    else if (FOR_SDK.has(method)) this.onmessage?.(message)
    else if (method === 'notifications/cancelled') {
      if (!this.#requests.cancel(params?.['requestId'])) this.onmessage?.(message)
    } else if (typeof method === 'string') this.#listener()?.tell(method, params)
  }

  /**
   * Reports progress now: the SDK would report it later than a response that came at the same time, which is too late.
   */
  #progress(params: JsonObject | undefined): void {
    if (params === undefined) return
    const { progressToken, ...progress } = params
    const token = meantId(progressToken)
    const following = token === undefined ? undefined : this.#inFlight.get(token)?.following
    following?.deadline?.restart()
    following?.onProgress?.(progress)
  }

  #resourceUpdated(params: JsonObject | undefined): void {
    if (params === undefined) return
    const { _meta: meta, ...rest } = params
    if (!isJsonObject(meta) || !(SUBSCRIPTION_ID_META_KEY in meta)) return this.#onResourceUpdated(params)
    const { [SUBSCRIPTION_ID_META_KEY]: _ofThisHop, ...kept } = meta
    this.#onResourceUpdated(Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest)
  }

  /**
   * The client that a server's request is for: that of the request on whose response stream it came. Without such a
   * stream it may belong to any request in flight, so it goes to the client of the newest request, and counts for all.
   */
  #addressee(): Addressee | undefined {
    const stream = this.#streamRequest()
    const client = stream?.following?.client
    if (stream !== undefined && client?.ask !== undefined) return { client, requests: [stream] }
    const askable = [...this.#inFlight.values()].filter(
      ({ following }) => following?.client?.ask !== undefined,
    )
    const addressee = askable.at(-1)?.following?.client ?? this.#client
    return addressee === undefined ? undefined : { client: addressee, requests: askable }
  }

  /** The client that gets the server's messages. On a connection that callers share, only the stream identifies it. */
  #listener(): ClientSide | undefined {
    const client = this.#streamRequest()?.following?.client
    if (client !== undefined || this.#client === undefined) return client
    const newest = [...this.#inFlight.values()].findLast(({ following }) => following?.client !== undefined)
    return newest?.following?.client ?? this.#client
  }

  #streamRequest(): FollowedRequest | undefined {
    return this.hasPerRequestStream ? exchanges.getStore()?.request : undefined
  }

  #endStream(id: RequestId): void {
    this.#fail(id, this.#unreadable.has(id) ? UNREADABLE : STREAM_ENDED)
  }

  /** Input was not a message. The request that it probably answers fails at once. */
  #dropped(): void {
    const ids = this.#takeAnswered().flatMap((given) => meantId(given) ?? [])
    const waiting = ids.filter((id) => this.#inFlight.has(id) || this.#own.has(id))
    if (waiting.length === 0) return
    for (const id of waiting) this.#unreadable.add(id)
    this.#clock.after(READING_MS, () => {
      for (const id of waiting) this.#fail(id, UNREADABLE)
    })
  }

  #fail(id: RequestId, data: string): void {
    if (!this.#forget(id)) return
    this.onmessage?.({ jsonrpc: '2.0', id, error: { code: 0, message: 'no response', data } })
  }

  /** Returns whether it was in flight. */
  #forget(id: RequestId): boolean {
    this.#unreadable.delete(id)
    const isFollowed = this.#inFlight.delete(id)
    return this.#own.delete(id) || isFollowed
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a message could not be processed', { cause: thrown })
}

/** The request of a server to its client, which is not validated further: transports check only the envelope. */
function serverRequest(message: JSONRPCRequest | JSONRPCNotification): ServerRequest | undefined {
  if (!('id' in message) || typeof message.method !== 'string' || message.method === 'ping') return undefined
  const { id, method, params } = message
  if (typeof id !== 'string' && typeof id !== 'number') return undefined
  return { id, method, params: isJsonObject(params) ? params : undefined }
}
