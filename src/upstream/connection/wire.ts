import {
  type JSONRPCMessage,
  type RequestId,
  SdkError,
  SdkErrorCode,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { heldTooLong } from '../fetch/large-replies.ts'
import type { ClientSide } from '../messages/client-side.ts'
import { FollowedRequest, type Following } from '../messages/followed-request.ts'
import { isMistakable, meantId } from '../messages/message-id.ts'
import { isOpeningMethod, openingAnswer, type OpeningMethod } from './opening/opening-answer.ts'
import { NOTHING_SAID } from '../messages/nothing-said.ts'
import { type Response, standIn, withoutNulls } from '../messages/raw-results.ts'
import { RequestsInFlight } from '../messages/requests-in-flight.ts'
import { ServerMessages } from '../messages/server-messages.ts'
import { exchanges } from '../messages/stream-context.ts'
import type { OnMessage } from './decorators/tap.ts'

/** Names of the errors that the SDK reports for an event that it drops. */
const PARSE_ERRORS = new Set(['SyntaxError', 'ZodError'])

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
  readonly #onMessage: OnMessage | undefined
  readonly #inFlight: RequestsInFlight
  readonly #ofServer: ServerMessages
  /** Requests that open the connection, by id, while they have no answer. */
  readonly #openings = new Map<unknown, OpeningMethod>()
  #next: Sending | undefined

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
    const { transport, client, clock, askTimeoutMs, onResourceUpdated, takeAnswered } = options
    this.#transport = transport
    this.#client = client
    this.#onMessage = options.onMessage
    const hasPerRequestStream = transport.hasPerRequestStream === true
    this.hasPerRequestStream = hasPerRequestStream
    const toSdk = (message: JSONRPCMessage): void => this.onmessage?.(message)
    const inFlight = new RequestsInFlight({ clock, onFailed: toSdk })
    this.#inFlight = inFlight
    const send = (message: JSONRPCMessage): Promise<void> => this.send(message)
    const shared = { client, inFlight, hasPerRequestStream, onResourceUpdated, clock, askTimeoutMs }
    this.#ofServer = new ServerMessages({ ...shared, toSdk, send })
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
      if (PARSE_ERRORS.has(error.name)) inFlight.dropped(takeAnswered())
      this.onerror?.(error)
    }
    transport.onclose = () => {
      this.#ofServer.cancelAsks()
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
    this.#ofServer.cancelAsks()
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
    this.#inFlight.add(id, request)
    return this.#sendFor(request, message, {
      ...options,
      ...(headers !== undefined && { headers }),
      requestSignal: options?.requestSignal ?? signal,
      onRequestStreamEnd: () => this.#inFlight.endStream(id),
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
    this.#inFlight.addOwn(id)
    return { ...options, onRequestStreamEnd: () => this.#inFlight.endStream(id) }
  }

  /** Follows the one request that `request` sends synchronously, until its promise settles. */
  async follow<T>(following: Following, request: () => Promise<T>): Promise<T> {
    const followed = new FollowedRequest(following)
    const next: Sending = { request: followed }
    try {
      return await this.#sendNext(next, request)
    } catch (error) {
      throw followed.wasHeld && isTimeout(error) ? heldTooLong() : error
    } finally {
      if (next.id !== undefined) this.#inFlight.remove(next.id)
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
    this.#ofServer.endAsks()
  }

  #sendFor(
    request: FollowedRequest | undefined,
    message: JSONRPCMessage,
    options: TransportSendOptions | undefined,
  ): Promise<void> {
    this.#onMessage?.('sent', message)
    if ('method' in message && 'id' in message && isOpeningMethod(message.method))
      this.#openings.set(message.id, message.method)
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

  /** Takes a message that arrived outside the transport, on the response stream of a request for `client`. */
  take(message: JSONRPCMessage, client: ClientSide | undefined): void {
    const request = new FollowedRequest({ client })
    exchanges.run({ request, isRequest: true }, () => this.#receive(message))
    request.settle()
  }

  #receive(message: JSONRPCMessage): void {
    if ('method' in message && message.method === NOTHING_SAID.method) return
    this.#onMessage?.('received', message)
    if ('method' in message) this.#ofServer.receive(message)
    else this.#answer(message)
  }

  #answer(message: Response): void {
    const id = meantId(message.id)
    const isFollowed = this.#inFlight.find(id) !== undefined
    if (id !== undefined) this.#inFlight.remove(id)
    if (id !== undefined && isFollowed) this.onmessage?.(standIn(id, message))
    else if (!isMistakable(message.id)) {
      withoutNulls(message)
      const opening = this.#openings.get(id)
      this.#openings.delete(id)
      this.onmessage?.(opening === undefined ? message : openingAnswer(message, opening))
    }
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a message could not be processed', { cause: thrown })
}
