import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  SUBSCRIPTION_ID_META_KEY,
} from '@modelcontextprotocol/server'
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
   * Subscribes for a request and delivers it with the accepted subscriptions, unless it is cancelled in the meantime.
   */
  async prepare(request: JSONRPCRequest, deliver: (request: JSONRPCMessage) => void): Promise<void> {
    const { id } = request
    if (this.#listens.size >= MAX_LISTENS) return deliver(request)
    const listen: Listen = { gone: new AbortController(), isAcknowledged: false }
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
    if (signal.aborted) return release()
    signal.addEventListener('abort', release, { once: true })
    deliver(messageIn(withSubscriptions(request, uris)))
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

  cancel(id: RequestId): void {
    this.#listens.get(id)?.gone.abort()
    this.#listens.delete(id)
  }

  close(): void {
    for (const id of this.#listens.keys()) this.cancel(id)
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
