import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A connection that its client wants to speak something else on than HTTP. */
export interface Upgrade {
  readonly socket: Socket
  /** What the client has sent behind its request. */
  readonly head: Buffer
}

declare global {
  namespace Express {
    interface Response {
      /** What the request wants to upgrade; absent when it does not. */
      readonly upgrade?: Upgrade
    }
  }
}

/**
 * The response to a request to upgrade, so that it can go the way of every other request. If the request gets an
 * answer, the connection ends with that.
 */
export class UpgradeResponse extends ServerResponse {
  readonly upgrade: Upgrade

  constructor(request: IncomingMessage, upgrade: Upgrade) {
    super(request)
    const { socket } = upgrade
    this.upgrade = upgrade
    this.shouldKeepAlive = false
    this.assignSocket(socket)
    this.on('finish', () => socket.destroySoon())
  }
}

/** Whether a request is treated as an upgrade; every other continues as if it did not request one (RFC 9110 §7.8). */
export function wantsUpgrade({ method, url, headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  const isWebSocket = method === 'GET' && !hasBody && headers.upgrade?.toLowerCase() === 'websocket'
  return isWebSocket && /^\/ws([/?]|$)/.test(url ?? '')
}
