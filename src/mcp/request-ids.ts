import type { JSONRPCRequest } from '@modelcontextprotocol/server'
import { addTo } from '../domain/concurrency/counts.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject } from '../domain/json/json.ts'

type RequestId = JSONRPCRequest['id']

/**
 * The ids of a session's requests in flight. The SDK finds the stream of an answer only by the id, so a second request
 * with the same id would get the answer of the first.
 */
export class RequestIds {
  /** How many holders keep an id taken: the HTTP exchange that brought it, and the work that it started. */
  readonly #holds = new Map<RequestId, number>()

  /**
   * Takes the id of a new request.
   * @throws GatewayError `invalid_request` if it is taken
   */
  claim(id: RequestId): void {
    if (this.#holds.has(id)) {
      throw new GatewayError('invalid_request', 'A request with this id is already in progress')
    }
    this.hold(id)
  }

  /** Whether no request is in flight. */
  get isEmpty(): boolean {
    return this.#holds.size === 0
  }

  /** Whether a request with that id is in flight. */
  has(id: unknown): boolean {
    return (typeof id === 'string' || typeof id === 'number') && this.#holds.has(id)
  }

  hold(id: RequestId): void {
    addTo(this.#holds, id, 1)
  }

  /** Ends one hold; after the last one the id is free. */
  release(id: RequestId): void {
    addTo(this.#holds, id, -1)
  }
}

/** The id of a request; undefined for a notification, a response, and anything that is not a message. */
export function requestIdIn(message: unknown): RequestId | undefined {
  if (!isJsonObject(message) || !('method' in message)) return undefined
  const { id } = message
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}
