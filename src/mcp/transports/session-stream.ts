import type { JSONRPCRequest } from '@modelcontextprotocol/server'
import type { Clock } from '../../domain/clock.ts'
import type { StreamResponse } from '../relay/stream-response.ts'
import { keepAlive, type KeepAlives, type KeptOpen, writeHead, writeTo } from './event-stream.ts'

/** What a stream is of. */
interface SessionStreamOptions {
  readonly sessionId: string
  readonly number: number
  readonly requestId?: JSONRPCRequest['id'] | undefined
  /** Called instead of cancelling the request at the SDK, which does not know it. */
  readonly onGone?: (() => void) | undefined
  readonly clock: Clock
  readonly keepAlives: KeepAlives
}

/** One stream of a session: the response that its client reads, if it is connected, and what waits to be sent. */
export class SessionStream implements KeptOpen {
  readonly number: number
  readonly requestId: JSONRPCRequest['id'] | undefined
  readonly onGone: (() => void) | undefined
  /** Ends the time that a client has to come back. */
  cancelGrace: (() => void) | undefined
  readonly #sessionId: string
  readonly #clock: Clock
  readonly #keepAlives: KeepAlives
  #response: StreamResponse | undefined
  /** Further headers of the response; undefined once its head was written. */
  #head: readonly string[] | undefined
  /** What is held back for the next event, or for a moment. */
  #pending = ''
  #cancelFlush: (() => void) | undefined
  /** Set once the response has begun and not ended: most have their answer at once. */
  #stopKeepAlive: (() => void) | undefined

  constructor({ sessionId, number, requestId, onGone, clock, keepAlives }: SessionStreamOptions) {
    this.#sessionId = sessionId
    this.number = number
    this.requestId = requestId
    this.onGone = onGone
    this.#clock = clock
    this.#keepAlives = keepAlives
  }

  /** Undefined while the client is disconnected. */
  get response(): StreamResponse | undefined {
    return this.#response
  }

  /**
   * Takes a response in place of the present one, which is returned.
   * @param head its further headers, which are written with the first data
   */
  attach(response: StreamResponse, head: readonly string[] = []): StreamResponse | undefined {
    this.cancelGrace?.()
    const before = this.detach()
    this.#response = response
    this.#head = head
    return before
  }

  /** Detaches the response, and returns it. */
  detach(): StreamResponse | undefined {
    this.#writeHead()
    const response = this.#response
    this.#response = undefined
    this.#stopKeepAlive?.()
    this.#stopKeepAlive = undefined
    return response
  }

  /** Detaches the response permanently, and returns it. */
  finish(): StreamResponse | undefined {
    this.cancelGrace?.()
    this.#cancelFlush?.()
    return this.detach()
  }

  /** Sends the head and a text, which may wait so long that a quick event leaves together with it. */
  begin(text: string, holdMs: number): void {
    this.#pending = text
    if (holdMs === 0) this.#flush()
    else this.#cancelFlush = this.#clock.after(holdMs, () => this.#flush())
  }

  /** Sends an event after which others may come. */
  send(event: string): void {
    const text = this.#taken(event)
    this.#writeHead()
    this.keepOpen()
    if (this.#response !== undefined) writeTo(this.#response, text, false)
  }

  /** Sends the last event, which ends the response. */
  end(event: string): void {
    const text = this.#taken(event)
    // Off the direct path the head is the same whether it waited for the answer or not: a refusal has no other.
    this.#writeHead(this.onGone === undefined ? undefined : Buffer.byteLength(text))
    const response = this.finish()
    if (response !== undefined) writeTo(response, text, true)
  }

  keepAlive(): void {
    if (this.#response !== undefined) keepAlive(this.#response)
  }

  /** Keeps the response from being closed while nothing is sent. */
  keepOpen(): void {
    if (this.#response !== undefined) this.#stopKeepAlive ??= this.#keepAlives.add(this)
  }

  #taken(event: string): string {
    const text = this.#pending + event
    this.#pending = ''
    this.#cancelFlush?.()
    return text
  }

  /** @param length bytes of everything that the response will have, where they are known */
  #writeHead(length?: number): void {
    const more = this.#head
    this.#head = undefined
    if (more === undefined || this.#response === undefined || this.#response.closed) return
    writeHead(this.#response, this.#sessionId, { more, ...(length !== undefined && { length }) })
  }

  #flush(): void {
    const text = this.#taken('')
    this.#writeHead()
    this.keepOpen()
    if (text === '') this.#response?.flushHeaders()
    else this.#response?.write(text)
  }
}
