import type { Socket } from 'node:net'
import type { Request, Response } from 'express'
import { type WebSocket, WebSocketServer } from 'ws'
import { GatewayError } from '../domain/errors/errors.ts'

const SUBPROTOCOL = 'mcp'
const VERSION = '13'
/** Options of ws that are newer than its type declarations. */
const BOUNDS = {
  // More fragments than any client uses for a message; each takes more memory than its bytes.
  maxFragments: 1024,
  maxBufferedChunks: 16_384,
  // Time for the other side to confirm the end of a connection.
  closeTimeout: 2000,
}

/** The opening handshake of WebSocket (RFC 6455 §4.2), for requests that have passed everything else. */
export class WebSocketHandshake {
  readonly #server: WebSocketServer
  #refusal: string | undefined

  /** @param options.maxMessageBytes of a client; a longer one ends its connection with 1009 */
  constructor(options: { maxMessageBytes: number }) {
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      allowSynchronousEvents: false, // a burst of messages must not keep the event loop to itself
      perMessageDeflate: false, // the real size of compressed messages is not known
      maxPayload: options.maxMessageBytes,
      ...BOUNDS,
      handleProtocols: () => SUBPROTOCOL,
    })
    this.#server.on('wsClientError', ({ message }) => (this.#refusal = message))
  }

  /**
   * Turns the connection of a request into a WebSocket.
   * @throws GatewayError `upgrade_required`, `invalid_request`, `cancelled`
   */
  accept(request: Request, response: Response): WebSocket {
    const { upgrade } = response
    if (upgrade === undefined || request.get('sec-websocket-version') !== VERSION) {
      response.set({ Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': VERSION })
      throw new GatewayError('upgrade_required')
    }
    const offered = request.get('sec-websocket-protocol')?.split(',') ?? []
    if (!offered.some((name) => name.trim() === SUBPROTOCOL))
      throw new GatewayError('invalid_request', `Sec-WebSocket-Protocol does not offer "${SUBPROTOCOL}"`)
    let accepted: WebSocket | undefined
    this.#refusal = undefined
    this.#server.handleUpgrade(request, upgrade.socket, upgrade.head, (socket) => (accepted = socket))
    if (this.#refusal !== undefined) throw new GatewayError('invalid_request', this.#refusal)
    if (accepted === undefined) throw new GatewayError('cancelled')
    response.detachSocket(upgrade.socket)
    countMessages(accepted, upgrade.socket)
    return accepted
  }
}

/** Counts messages, so that the size of an incomplete message is known. */
function countMessages(webSocket: WebSocket, socket: Socket): void {
  socket.messages = 0
  webSocket.on('message', () => (socket.messages = (socket.messages ?? 0) + 1))
}
