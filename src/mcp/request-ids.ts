import type { JSONRPCRequest } from '@modelcontextprotocol/server'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject } from '../domain/json/json.ts'

type RequestId = JSONRPCRequest['id']

/**
 * The ids of the requests that a session has under way. The SDK finds the stream of an answer by the id alone, so a
 * second request of the same id would take the answer of the first.
 */
export class RequestIds {
  /** What keeps an id taken: the HTTP exchange that brought it, and the work that it started. */
  readonly #holds = new Map<RequestId, number>()

  /** Takes the id of a request that arrives. @throws GatewayError `invalid_request` when it is taken */
  claim(id: RequestId): void {
    if (this.#holds.has(id)) {
      throw new GatewayError('invalid_request', 'A request with this id is already under way')
    }
    this.hold(id)
  }

  hold(id: RequestId): void {
    this.#holds.set(id, (this.#holds.get(id) ?? 0) + 1)
  }

  /** Ends one hold; with the last one the id is free. */
  release(id: RequestId): void {
    const left = (this.#holds.get(id) ?? 1) - 1
    if (left > 0) this.#holds.set(id, left)
    else this.#holds.delete(id)
  }
}

/** The id of a request; undefined for a notification, a response, and what is no message at all. */
export function requestIdIn(message: unknown): RequestId | undefined {
  if (!isJsonObject(message) || !('method' in message)) return undefined
  const { id } = message
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}
