import type { RequestId } from '@modelcontextprotocol/client'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ClientSide } from './client-side.ts'
import type { PausableDeadline } from './pausable-deadline.ts'

const SETTLED = new GatewayError('cancelled', 'The request that this message belongs to has ended')

/** How one request is followed while it is under way. */
export interface Following {
  /** Aborting it ends the request's HTTP exchange. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: JsonObject) => void) | undefined
  /** Gets what the server says and asks on behalf of the request. */
  readonly client?: ClientSide | undefined
  /** Stands still while the client is being asked something. */
  readonly deadline?: PausableDeadline | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Told the id under which it is sent. */
  readonly onSent?: ((id: RequestId) => void) | undefined
}

/** A request from when it is sent until it is settled. Afterwards it holds nothing: a socket may keep it for long. */
export class FollowedRequest {
  #following: Following | undefined
  #asks: Set<OpenAsk> | undefined
  #wasHeld = false

  constructor(following: Following) {
    this.#following = following
  }

  /** Undefined once the request is settled. */
  get following(): Following | undefined {
    return this.#following
  }

  /** Whether its response came later than its server sent it. */
  get wasHeld(): boolean {
    return this.#wasHeld
  }

  /** Its response has to wait for the sake of others. */
  noteHeld(): void {
    this.#wasHeld = true
  }

  beginAsk(ask: OpenAsk): void {
    this.#following?.deadline?.pause()
    this.#asks ??= new Set()
    this.#asks.add(ask)
  }

  endAsk(ask: OpenAsk): void {
    if (this.#asks?.delete(ask) === true) this.#following?.deadline?.resume()
  }

  settle(): void {
    const asks = this.#asks
    this.#following?.deadline?.end()
    this.#following = undefined
    this.#asks = undefined
    if (asks !== undefined) for (const ask of asks) ask.settle(this)
  }
}

/** A question to a client that belongs to one of some requests. Their time stands still until it is ended. */
export class OpenAsk {
  readonly #controller = new AbortController()
  readonly #requests: Set<FollowedRequest>

  constructor(requests: readonly FollowedRequest[]) {
    this.#requests = new Set(requests)
    for (const request of requests) request.beginAsk(this)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** With the last of the requests that it may belong to, the question is void. */
  settle(request: FollowedRequest): void {
    this.#requests.delete(request)
    if (this.#requests.size === 0) this.abort(SETTLED)
  }

  end(): void {
    for (const request of this.#requests) request.endAsk(this)
  }
}
