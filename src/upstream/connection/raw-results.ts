import type { JSONRPCMessage, RequestId, Transport } from '@modelcontextprotocol/client'
import { isJsonObject, type JsonObject } from '../../domain/json.ts'

const RAW = Symbol('the result as the server sent it')

/**
 * Stands in for every result on its way through the SDK, and satisfies the schema of each of them: the SDK checks
 * 2026-07-28 results against schemas that know no later content types, and drops a whole list for one bad item.
 */
const STAND_IN = {
  resultType: 'complete',
  content: [],
  tools: [],
  prompts: [],
  messages: [],
  resources: [],
  resourceTemplates: [],
  contents: [],
  completion: { values: [] },
  ttlMs: 0,
  cacheScope: 'private',
  supportedVersions: [],
  capabilities: {},
}

/** Everything else that a server announces is of no use to the gateway and is dropped before it costs anything. */
const NOTIFICATIONS = new Set([
  'notifications/cancelled',
  'notifications/tools/list_changed',
  'notifications/resources/list_changed',
  'notifications/prompts/list_changed',
  'notifications/subscriptions/acknowledged',
])

/** `data` of the error that answers a request whose own response stream ended without an answer. */
export const STREAM_ENDED = 'tool-gateway/stream-ended'

/** How one request is followed while it is under way. */
export interface Following {
  /** Aborting it ends the request's HTTP exchange. */
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: JsonObject) => void) | undefined
}

/**
 * Takes over a transport that a client is connected to: results reach {@link rawResult} with every field that the
 * server sent, progress is reported before the response that it precedes, and over HTTP a request fails as soon as
 * the stream of its response ends without a response.
 */
export class RawResults {
  readonly #deliver: (message: JSONRPCMessage) => void
  readonly #following = new Map<RequestId, Following>()
  /** The request about to be sent, and its id once it is. */
  #next: { readonly following: Following; id?: RequestId } | undefined

  constructor(transport: Transport) {
    const { onmessage } = transport
    const send = transport.send.bind(transport)
    this.#deliver = (message) => onmessage?.(message)
    Object.assign(transport, { onmessage: (message: JSONRPCMessage) => this.#receive(message) })
    transport.send = (message, options) => {
      const next = this.#next
      if (next === undefined || !('id' in message) || message.id === undefined) return send(message, options)
      const { id } = message
      next.id = id
      this.#following.set(id, next.following)
      const requestSignal = options?.requestSignal ?? next.following.signal
      return send(message, { ...options, requestSignal, onRequestStreamEnd: () => this.#endStream(id) })
    }
  }

  /** Follows the one request that `request` sends at once, until its promise settles. */
  async follow<T>(following: Following, request: () => Promise<T>): Promise<T> {
    const next: { readonly following: Following; id?: RequestId } = { following }
    this.#next = next
    let answer: Promise<T>
    try {
      answer = request()
    } finally {
      this.#next = undefined
    }
    try {
      return await answer
    } finally {
      if (next.id !== undefined) this.#following.delete(next.id)
    }
  }

  #receive(message: JSONRPCMessage): void {
    if ('method' in message) {
      if (message.method === 'notifications/progress') this.#progress(message.params)
      else if ('id' in message || NOTIFICATIONS.has(message.method)) this.#deliver(message)
      return
    }
    const isFollowed = message.id !== undefined && this.#following.delete(message.id)
    this.#deliver(isFollowed && 'result' in message ? standIn(message) : message)
  }

  /** The SDK would report it later than a response that came at the same time, that is, never. */
  #progress(params: JsonObject | undefined): void {
    if (params === undefined) return
    const { progressToken, ...progress } = params
    const isToken = typeof progressToken === 'number' || typeof progressToken === 'string'
    if (isToken) this.#following.get(progressToken)?.onProgress?.(progress)
  }

  #endStream(id: RequestId): void {
    if (!this.#following.delete(id)) return
    this.#deliver({ jsonrpc: '2.0', id, error: { code: 0, message: 'stream ended', data: STREAM_ENDED } })
  }
}

/** A message with both a result and an error is neither. */
function standIn(message: { readonly id: RequestId; readonly result: unknown }): JSONRPCMessage {
  const raw = 'error' in message ? undefined : message.result
  return { jsonrpc: '2.0', id: message.id, result: { ...STAND_IN, [RAW]: raw } }
}

/** The result as the server sent it, out of what the SDK made of its stand-in. */
export function rawResult(value: unknown): unknown {
  return isJsonObject(value) && RAW in value ? (value as { [RAW]: unknown })[RAW] : undefined
}
