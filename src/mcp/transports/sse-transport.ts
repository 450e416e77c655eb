import { randomUUID } from 'node:crypto'
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import type { JsonObject } from '../../domain/json/json.ts'
import { eventText } from '../../domain/text/server-sent-event.ts'
import { asMessage } from '../message.ts'
import type { StreamResponse } from '../relay/stream-response.ts'
import { keepAlive, writeTo } from './event-stream.ts'

type RequestId = string | number

type Stream = StreamResponse & { on(event: 'close', listener: () => void): unknown }

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

/** Whose stream it is. */
interface StreamOwner {
  /** The stream has ended; called once. */
  ended(): void
}

/**
 * The stream of one session of HTTP with SSE (MCP 2024-11-05): everything goes to the client on it, and the first event of it
 * tells where to post its own messages.
 */
export class SseTransport {
  readonly sessionId = randomUUID()
  readonly #response: Stream
  readonly #postTo: string
  #owner: StreamOwner | undefined
  #isClosed = false

  /** @param options.postTo where the client posts; with a query, to which the id of the session is added */
  constructor(options: { response: Stream; postTo: string }) {
    this.#response = options.response
    this.#postTo = options.postTo
  }

  /** Begins the stream. */
  start(owner: StreamOwner): void {
    const response = this.#response
    this.#owner = owner
    response.on('close', () => this.#closed()) // one that listens once costs more
    response.writeHead(200, HEADERS)
    // Node keeps the head as long as the response: as one text if it is sent alone, as a chain of a dozen otherwise.
    response.flushHeaders()
    this.#write(eventText(`${this.#postTo}&sessionId=${this.sessionId}`, { event: 'endpoint' }))
  }

  /** Writes a comment, so that proxies do not close the stream. */
  keepAlive(): void {
    keepAlive(this.#response)
  }

  /** Rejects once the stream has ended. */
  send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the stream has ended'))
    this.#write(eventText(JSON.stringify(message)))
    return Promise.resolve()
  }

  /** Sends a notification that belongs to a request; nothing once the stream has ended. */
  tell(_id: RequestId, message: JsonObject): void {
    void this.send(asMessage(message)).catch(() => undefined)
  }

  /** Sends the answer to a request, as JSON in one line. */
  answer(_id: RequestId, json: string): void {
    this.#write(eventText(json))
  }

  /** A request that gets no answer leaves nothing open. */
  drop(): void {
    // The stream is that of all requests.
  }

  /** Ends the stream. Idempotent. */
  close(): void {
    if (!this.#isClosed) this.#response.end()
    this.#closed()
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#owner?.ended()
  }

  #write(event: string): void {
    if (!this.#isClosed) writeTo(this.#response, event, false)
  }
}
