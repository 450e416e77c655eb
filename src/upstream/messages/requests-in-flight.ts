import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { TransientMap } from '../../domain/concurrency/transient-map.ts'
import type { FollowedRequest } from './followed-request.ts'
import { meantId } from './message-id.ts'

/** `data` of the error for a request whose response stream ended without an answer. */
export const STREAM_ENDED = 'tool-gateway/stream-ended'
/** `data` of the error for a request whose answer was not JSON, or not a message. */
export const UNREADABLE = 'tool-gateway/unreadable'
/** Time for the other events that arrived together with an unreadable one. */
const READING_MS = 50

/** The requests of a connection that have no answer yet, and the failure of those that will get none. */
export class RequestsInFlight {
  /** Requests of callers, oldest first. */
  readonly #followed = new TransientMap<RequestId, FollowedRequest>()
  /** Requests of the SDK itself. */
  readonly #own = new Set<RequestId>()
  /** Requests whose answers have probably arrived, but were unreadable. */
  readonly #unreadable = new Set<RequestId>()
  readonly #clock: Clock
  readonly #onFailed: (error: JSONRPCMessage) => void

  /** @param options.onFailed gets an error in place of the answer to a request */
  constructor(options: { clock: Clock; onFailed: (error: JSONRPCMessage) => void }) {
    this.#clock = options.clock
    this.#onFailed = options.onFailed
  }

  /** The requests of callers, oldest first. */
  get followed(): FollowedRequest[] {
    return [...this.#followed.values()]
  }

  /** The request of a caller under that id. */
  find(id: RequestId | undefined): FollowedRequest | undefined {
    return id === undefined ? undefined : this.#followed.get(id)
  }

  /** Adds the request of a caller. */
  add(id: RequestId, request: FollowedRequest): void {
    this.#followed.set(id, request)
  }

  /** Adds a request of the SDK itself. */
  addOwn(id: RequestId): void {
    this.#own.add(id)
  }

  /** Returns whether it was in flight. */
  remove(id: RequestId): boolean {
    this.#unreadable.delete(id)
    const isFollowed = this.#followed.delete(id)
    return this.#own.delete(id) || isFollowed
  }

  /** The response stream of a request has ended: it fails unless it has its answer. */
  endStream(id: RequestId): void {
    this.#fail(id, this.#unreadable.has(id) ? UNREADABLE : STREAM_ENDED)
  }

  /** Input that probably answers these requests was not a message: they fail at once. */
  dropped(given: readonly RequestId[]): void {
    const ids = given.flatMap((id) => meantId(id) ?? [])
    const waiting = ids.filter((id) => this.#followed.has(id) || this.#own.has(id))
    if (waiting.length === 0) return
    for (const id of waiting) this.#unreadable.add(id)
    this.#clock.after(READING_MS, () => {
      for (const id of waiting) this.#fail(id, UNREADABLE)
    })
  }

  #fail(id: RequestId, data: string): void {
    if (!this.remove(id)) return
    this.#onFailed({ jsonrpc: '2.0', id, error: { code: 0, message: 'no response', data } })
  }
}
