import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Pipelined requests of a connection that may wait; a client that sends more is disconnected. */
const MAX_WAITING = 16

/**
 * Queues pipelined requests until earlier responses are complete (RFC 9112 §9.3.2). Node would start all of them at once,
 * and buffer their responses until the earlier ones are read.
 */
export class Pipelining {
  readonly #begin: RequestListener
  readonly #waiting = new WeakMap<Socket, number>()

  constructor(begin: RequestListener) {
    this.#begin = begin
  }

  /** Starts a request when the connection is free for its response. */
  wait(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const waiting = this.#waiting.get(socket) ?? 0
    if (waiting === MAX_WAITING) {
      socket.destroy()
      return
    }
    this.#waiting.set(socket, waiting + 1)
    response.once('socket', () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1)
      this.#begin(request, response)
    })
  }
}
