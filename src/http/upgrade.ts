import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A connection that its client wants to speak something else on than HTTP. */
export interface Upgrade {
  readonly socket: Socket
  /** What the client has sent behind its request. */
  readonly head: Buffer
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>()

/**
 * Gives a request to upgrade a response, so that it can go the way of every other request. If it gets an answer, the
 * connection ends with that.
 */
export function responseTo(request: IncomingMessage, upgrade: Upgrade): ServerResponse {
  const { socket } = upgrade
  upgrades.set(request, upgrade)
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.on('finish', () => socket.destroySoon())
  return response
}

/** What a request wants to upgrade; undefined when it does not. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request)
}

/** Whether a request is treated as an upgrade; every other continues as if it did not request one (RFC 9110 §7.8). */
export function wantsUpgrade({ method, url, headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  const isWebSocket = method === 'GET' && !hasBody && headers.upgrade?.toLowerCase() === 'websocket'
  return isWebSocket && /^\/ws([/?]|$)/.test(url ?? '')
}
