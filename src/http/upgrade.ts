import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A connection that its client wants to upgrade to another protocol. */
export interface Upgrade {
  readonly socket: Socket
  /** Bytes that the client sent after its request. */
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
 * The response to an upgrade request, so that it passes the same checks as every other request. If it gets an HTTP
 * response, the connection is closed after it.
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
