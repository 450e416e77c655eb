import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  SUBSCRIPTION_ID_META_KEY,
} from '@modelcontextprotocol/server'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Caller } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import { subscribeAll, withSubscriptions } from '../methods/listen-subscriptions.ts'
import { isAnswer, isNotification, messageIn } from '../message.ts'

type RequestId = JSONRPCRequest['id']

/** Method of the request that subscribes to notifications (MCP 2026-07-28, subscriptions). */
export const LISTEN = 'subscriptions/listen'
/** Limit for one connection. */
export const MAX_LISTENS = 16

interface Listen {
  readonly gone: AbortController
  /** Whether its subscriptions are being made. */
  isPreparing: boolean
  isAcknowledged: boolean
}

/**
 * The resource subscriptions of the `subscriptions/listen` requests on one connection; the SDK handles the rest of such
 * a request (MCP 2026-07-28, subscriptions).
 */
export class WebSocketListens {
  readonly #calls: Calls
  readonly #callerOf: () => Caller
  readonly #scope: string | undefined
  readonly #send: (message: JSONRPCMessage) => void
  readonly #listens = new Map<RequestId, Listen>()

  constructor(options: {
    calls: Calls
    callerOf: () => Caller
    scope: string | undefined
    send: (message: JSONRPCMessage) => void
  }) {
    this.#calls = options.calls
    this.#callerOf = options.callerOf
    this.#scope = options.scope
    this.#send = options.send
  }

  /**
   * Subscribes for a request; resolves, when nothing of that is under way any more, with the request as it was accepted, or
   * with undefined if it was cancelled.
   * @throws GatewayError `too_many_requests`
   */
  async prepare(request: JSONRPCRequest): Promise<JSONRPCMessage | undefined> {
    const { id } = request
    // Those that were cancelled count for as long as they cost something.
    if (this.#listens.size >= MAX_LISTENS)
      throw new GatewayError('too_many_requests', `A connection has at most ${MAX_LISTENS} ${LISTEN}`)
    const listen: Listen = { gone: new AbortController(), isPreparing: true, isAcknowledged: false }
    this.#listens.set(id, listen)
    const { signal } = listen.gone
    const { uris, release } = await subscribeAll(this.#calls, {
      caller: this.#callerOf(),
      scope: this.#scope,
      request,
      signal,
      // Always the URI in the request: since 2026-07-28 an update never concerns only a part of the resource.
      onUpdated: (uri, params) => {
        if (listen.isAcknowledged && !signal.aborted) this.#send(updated(id, { ...params, uri }))
      },
    })
    listen.isPreparing = false
    if (signal.aborted) {
      release()
      this.#listens.delete(id)
      return undefined
    }
    signal.addEventListener('abort', release, { once: true })
    return messageIn(withSubscriptions(request, uris))
  }

  /** Determines from sent messages when a stream begins and ends. */
  onSent(message: JSONRPCMessage): void {
    if (isNotification(message)) {
      if (message.method !== 'notifications/subscriptions/acknowledged') return
      const { _meta: meta } = message.params ?? {}
      const id = meta?.[SUBSCRIPTION_ID_META_KEY]
      const listen = typeof id === 'string' || typeof id === 'number' ? this.#listens.get(id) : undefined
      if (listen !== undefined) listen.isAcknowledged = true
    } else if (isAnswer(message) && message.id !== undefined) {
      this.cancel(message.id)
    }
  }

  /** Ends a stream, if there is one; says whether its subscriptions are still being made, which stops soon. */
  cancel(id: RequestId): boolean {
    const listen = this.#listens.get(id)
    listen?.gone.abort()
    if (listen?.isPreparing === true) return true
    this.#listens.delete(id)
    return false
  }
}

function updated(id: RequestId, params: JsonObject): JSONRPCMessage {
  const meta = isJsonObject(params['_meta']) ? params['_meta'] : {}
  return {
    jsonrpc: '2.0',
    method: 'notifications/resources/updated',
    params: { ...params, _meta: { ...meta, [SUBSCRIPTION_ID_META_KEY]: id } },
  }
}
