import type { JSONRPCRequest } from '@modelcontextprotocol/server'
import { addTo } from '../domain/concurrency/counts.ts'
import type { HeldRequest } from '../domain/concurrency/held-bytes.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject } from '../domain/json/json.ts'

type RequestId = JSONRPCRequest['id']

/**
 * The ids of a session's requests in flight. The SDK finds the stream of an answer only by the id, so a second request
 * with the same id would get the answer of the first.
 */
export class RequestIds {
  /**
   * How many holders keep an id taken: the HTTP exchange that brought it, and the work that it started. There is no map
   * while there is no request: most sessions are idle most of the time.
   */
  #holds: Map<RequestId, number> | undefined
  /** The functions that release the memory of large requests, by id. */
  #bodies: Map<RequestId, () => void> | undefined

  /**
   * Takes the id of a new request.
   * @param body what its body holds until the id is free, which may be long after its HTTP exchange
   * @throws GatewayError `invalid_request` if it is taken
   */
  claim(id: RequestId, body?: HeldRequest): void {
    if (this.has(id)) {
      throw new GatewayError('invalid_request', 'A request with this id is already in progress')
    }
    this.hold(id)
    if (body === undefined) return
    this.#bodies ??= new Map()
    this.#bodies.set(id, body.keep())
  }

  /** Whether no request is in flight. */
  get isEmpty(): boolean {
    return this.#holds === undefined
  }

  /** Whether a request with that id is in flight. */
  has(id: unknown): boolean {
    return (typeof id === 'string' || typeof id === 'number') && this.#holds?.has(id) === true
  }

  hold(id: RequestId): void {
    this.#holds ??= new Map()
    addTo(this.#holds, id, 1)
  }

  /** Ends one hold; after the last one the id is free. */
  release(id: RequestId): void {
    if (this.#holds === undefined) return
    addTo(this.#holds, id, -1)
    if (this.#bodies !== undefined && !this.#holds.has(id)) this.#letGo(this.#bodies, id)
    if (this.#holds.size === 0) this.#holds = undefined
  }

  #letGo(bodies: Map<RequestId, () => void>, id: RequestId): void {
    bodies.get(id)?.()
    bodies.delete(id)
    if (bodies.size === 0) this.#bodies = undefined
  }
}

/** The id of a request; undefined for a notification, a response, and anything that is not a message. */
export function requestIdIn(message: unknown): RequestId | undefined {
  if (!isJsonObject(message) || !('method' in message)) return undefined
  const { id } = message
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}
