import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  SUBSCRIPTION_ID_META_KEY,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../../domain/json/json.ts'
import type { ClientSide } from './client-side.ts'
import type { FollowedRequest } from './followed-request.ts'
import { meantId } from './message-id.ts'
import type { RequestsInFlight } from './requests-in-flight.ts'
import { type Addressee, type ServerRequest, ServerRequests } from './server-requests.ts'
import { exchanges } from './stream-context.ts'

/** Notifications that the SDK must see. All others are forwarded or dropped here. */
const FOR_SDK = new Set([
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/prompts/list_changed',
  'notifications/subscriptions/acknowledged',
])

/** The requests and notifications of a server: each reaches the client that it concerns, unchanged. */
export class ServerMessages {
  readonly #client: ClientSide | undefined
  readonly #inFlight: RequestsInFlight
  readonly #hasPerRequestStream: boolean
  readonly #onResourceUpdated: (params: JsonObject) => void
  readonly #toSdk: (message: JSONRPCMessage) => void
  readonly #requests: ServerRequests
  /** Servers of 2026-07-28 send no requests; any that arrive are ignored. */
  #mayAsk = true

  /**
   * @param options.client the one client that the connection is for
   * @param options.hasPerRequestStream whether the server answers each request on a stream of its own
   */
  constructor(options: {
    client: ClientSide | undefined
    inFlight: RequestsInFlight
    hasPerRequestStream: boolean
    onResourceUpdated: (params: JsonObject) => void
    /** Gets what only the SDK can handle. */
    toSdk: (message: JSONRPCMessage) => void
    send: (message: JSONRPCMessage) => Promise<void>
    clock: Clock
    askTimeoutMs: number
  }) {
    const { client, send, clock, askTimeoutMs } = options
    this.#client = client
    this.#inFlight = options.inFlight
    this.#hasPerRequestStream = options.hasPerRequestStream
    this.#onResourceUpdated = options.onResourceUpdated
    this.#toSdk = options.toSdk
    const declared = client?.capabilities ?? {}
    this.#requests = new ServerRequests({ send, clock, askTimeoutMs, declared })
  }

  receive(message: JSONRPCRequest | JSONRPCNotification): void {
    // Too deeply nested parameters cannot be written as JSON again, so no client could get them.
    if (isDeeperThan(message.params, MAX_JSON_DEPTH)) return
    const request = this.#mayAsk ? serverRequest(message) : undefined
    if (request !== undefined) this.#requests.receive(request, () => this.#addressee())
    else if ('id' in message) this.#toSdk(message)
    else this.#notification(message)
  }

  /** From now on the server may send no requests to clients; those in progress are cancelled. */
  endAsks(): void {
    this.#mayAsk = false
    this.#requests.cancelAll()
  }

  /** Cancels the server's requests in progress, because no answer could be sent. */
  cancelAsks(): void {
    this.#requests.cancelAll()
  }

  #notification(message: JSONRPCNotification): void {
    const { method } = message
    const params = isJsonObject(message.params) ? message.params : undefined
    if (method === 'notifications/progress') this.#progress(params)
    else if (method === 'notifications/resources/updated') this.#resourceUpdated(params)
    else if (FOR_SDK.has(method)) this.#toSdk(message)
    else if (method === 'notifications/cancelled') {
      if (!this.#requests.cancel(params?.['requestId'])) this.#toSdk(message)
    } else if (typeof method === 'string') this.#listener()?.tell(method, params)
  }

  /**
   * Reports progress now: the SDK would report it later than a response that came at the same time, which is too late.
   */
  #progress(params: JsonObject | undefined): void {
    if (params === undefined) return
    const { progressToken, ...progress } = params
    const following = this.#inFlight.find(meantId(progressToken))?.following
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
    const askable = this.#inFlight.followed.filter(({ following }) => following?.client?.ask !== undefined)
    const addressee = askable.at(-1)?.following?.client ?? this.#client
    return addressee === undefined ? undefined : { client: addressee, requests: askable }
  }

  /** The client that gets the server's messages. On a connection that callers share, only the stream identifies it. */
  #listener(): ClientSide | undefined {
    const client = this.#streamRequest()?.following?.client
    if (client !== undefined || this.#client === undefined) return client
    const newest = this.#inFlight.followed.findLast(({ following }) => following?.client !== undefined)
    return newest?.following?.client ?? this.#client
  }

  #streamRequest(): FollowedRequest | undefined {
    return this.#hasPerRequestStream ? exchanges.getStore()?.request : undefined
  }
}

/** The request of a server to its client, which is not validated further: transports check only the envelope. */
function serverRequest(message: JSONRPCRequest | JSONRPCNotification): ServerRequest | undefined {
  if (!('id' in message) || typeof message.method !== 'string') return undefined
  const { id, method, params } = message
  if (typeof id !== 'string' && typeof id !== 'number') return undefined
  return { id, method, params: isJsonObject(params) ? params : undefined }
}
