import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { JsonObject } from '../../domain/json/json.ts'
import { eventText } from '../../domain/text/server-sent-event.ts'
import { acceptedRequestId } from '../middleware/request-context.ts'

/** Up to this, one write of a copy costs less than several writes. */
const ONE_WRITE_BYTES = 16 * 1024
/** Smaller pieces are joined before they are written. */
const SMALL_PIECE_BYTES = 4096

/**
 * The response to a request of the direct path, with the headers of every other response. It is one JSON document,
 * unless the server sends something before its answer: then it becomes an event stream.
 */
export class DirectAnswer {
  readonly requestId: string
  readonly #response: ServerResponse
  readonly #socket: Socket
  /** Of a stream, which outlives the connection. */
  #own: AbortController | undefined

  constructor(request: IncomingMessage, response: ServerResponse) {
    const { 'x-request-id': offered } = request.headers
    this.requestId = (offered && acceptedRequestId(offered)) ?? randomUUID()
    this.#response = response
    this.#socket = request.socket
  }

  /** Aborts when the client goes away before it has its answer. */
  get signal(): AbortSignal {
    return this.#own === undefined ? closingOf(this.#socket) : this.#own.signal
  }

  /**
   * Turns the response into the stream of a session: a client that loses it can resume it.
   * @returns the headers of every response, alternating names and values
   */
  becomeStream(): string[] {
    this.#own = new AbortController()
    return this.#common()
  }

  /** Aborts the call of a stream. */
  cancel(): void {
    this.#own?.abort()
  }

  /** Sends a JSON document in pieces, which ends the response. */
  end(status: number, contentType: string, pieces: readonly Buffer[], more: readonly string[] = []): void {
    const response = this.#response
    if (response.headersSent) {
      response.end(Buffer.concat([EVENT, ...pieces, EVENT_END]))
      return
    }
    const length = pieces.reduce((sum, { length: bytes }) => sum + bytes, 0)
    response.writeHead(status, [...this.#headers(contentType, length), ...more])
    // Node writes head and body at once if both are text, and Latin-1 leaves every byte as it is.
    if (length <= ONE_WRITE_BYTES) {
      response.end(Buffer.concat(pieces).toString('latin1'), 'latin1')
      return
    }
    response.cork()
    for (const piece of inFewer(pieces)) response.write(piece)
    response.end()
    process.nextTick(() => response.uncork())
  }

  /** Sends a JSON document, which ends the response. */
  endText(status: number, contentType: string, text: string): void {
    const response = this.#response
    const bytes = Buffer.byteLength(text)
    if (response.headersSent || bytes > ONE_WRITE_BYTES)
      return this.end(status, contentType, [Buffer.from(text)])
    response.writeHead(status, this.#headers(contentType, bytes))
    // Text of one byte each is written without being encoded.
    response.end(text, bytes === text.length ? 'latin1' : 'utf8')
  }

  /** Confirms that a message was accepted whose answer is sent elsewhere. */
  endAccepted(): void {
    this.#response.writeHead(202, [
      ...this.#common(),
      'content-length',
      String(ACCEPTED.length),
      'cache-control',
      NOT_STORED,
    ])
    this.#response.end(ACCEPTED, 'latin1')
  }

  /** Sends a message in front of the answer. */
  tell(message: JsonObject): void {
    const response = this.#response
    if (response.writableEnded || response.destroyed) return
    if (!response.headersSent)
      response.writeHead(200, [
        ...this.#common(),
        'content-type',
        'text/event-stream',
        'cache-control',
        'no-cache, no-transform',
        'x-accel-buffering',
        'no',
      ])
    response.write(eventText(JSON.stringify(message)))
  }

  /** Those of a JSON document. */
  #headers(contentType: string, length: number): string[] {
    const headers = this.#common()
    headers.push('content-type', contentType, 'content-length', String(length), 'cache-control', NOT_STORED)
    return headers
  }

  /** The headers of every response, as alternating names and values. */
  #common(): string[] {
    return ['x-request-id', this.requestId, 'x-content-type-options', 'nosniff', 'vary', 'Origin']
  }
}

const closings = new WeakMap<Socket, AbortSignal>()

/** Aborts when a connection closes; one signal for all of its requests. */
function closingOf(socket: Socket): AbortSignal {
  let signal = closings.get(socket)
  if (signal === undefined) {
    const controller = new AbortController()
    ;({ signal } = controller)
    closings.set(socket, signal)
    if (socket.destroyed) controller.abort()
    else socket.once('close', () => controller.abort())
  }
  return signal
}

const ACCEPTED = 'Accepted'
const NOT_STORED = 'private, no-store'
const EVENT = Buffer.from('event: message\ndata: ')
const EVENT_END = Buffer.from('\n\n')

/** The same bytes, with small pieces joined. */
function inFewer(pieces: readonly Buffer[]): Buffer[] {
  const fewer: Buffer[] = []
  const small: Buffer[] = []
  for (const piece of pieces) {
    if (piece.length < SMALL_PIECE_BYTES) {
      small.push(piece)
      continue
    }
    if (small.length > 0) fewer.push(Buffer.concat(small.splice(0)))
    fewer.push(piece)
  }
  return small.length > 0 ? [...fewer, Buffer.concat(small)] : fewer
}
