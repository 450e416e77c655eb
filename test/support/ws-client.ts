import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { WebSocket } from 'ws'

interface SocketOptions {
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
}

function socketTo(url: string, token: string, options: SocketOptions = {}): WebSocket {
  const { path = '/ws', headers = {}, protocols = ['mcp'] } = options
  return new WebSocket(url.replace(/^http/, 'ws') + path, protocols, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    perMessageDeflate: false,
  })
}

/** The WebSocket transport of an SDK client, with a bearer token. */
export class WebSocketClientTransport implements Transport {
  onclose: Transport['onclose']
  onerror: Transport['onerror']
  onmessage: Transport['onmessage']
  readonly #socket: WebSocket

  constructor(url: string, token: string, options: SocketOptions = {}) {
    this.#socket = socketTo(url, token, options)
  }

  async start(): Promise<void> {
    await once(this.#socket, 'open')
    this.#socket.on('message', (data: Buffer) => {
      this.onmessage?.(JSON.parse(data.toString()) as JSONRPCMessage)
    })
    this.#socket.on('close', () => this.onclose?.())
    this.#socket.on('error', (error) => this.onerror?.(error))
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.#socket.send(JSON.stringify(message))
    return Promise.resolve()
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }
}

export type RawMessage = Record<string, unknown>

/** An open WebSocket without an SDK. */
export interface RawSocket {
  readonly socket: WebSocket
  /** All that came so far and was not taken. */
  readonly received: RawMessage[]
  /** How the connection ended. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Sends literally when it is a text or bytes. */
  readonly send: (message: unknown) => void
  /** Takes the next message that came or comes. */
  readonly next: () => Promise<RawMessage>
  /** Sends a request and takes the next message. */
  readonly request: (id: unknown, method: string, params?: unknown) => Promise<RawMessage>
  readonly close: () => void
}

export async function openSocket(url: string, token: string, options?: SocketOptions): Promise<RawSocket> {
  const socket = socketTo(url, token, options)
  const received: RawMessage[] = []
  let wake = (): void => undefined
  socket.on('message', (data: Buffer) => {
    received.push(JSON.parse(data.toString()) as RawMessage)
    wake()
  })
  const { promise: closed, resolve } = Promise.withResolvers<{ code: number; reason: string }>()
  socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  await once(socket, 'open')
  const next = async (): Promise<RawMessage> => {
    for (;;) {
      const message = received.shift()
      if (message !== undefined) return message
      const arrived = Promise.withResolvers<void>()
      wake = arrived.resolve
      await Promise.race([arrived.promise, closed.then(() => Promise.reject(new Error('the socket closed')))])
    }
  }
  const send = (message: unknown): void =>
    socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
  return {
    socket,
    received,
    closed,
    send,
    next,
    request: (id, method, params) => {
      send({ jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) })
      return next()
    },
    close: () => socket.close(1000),
  }
}

/** The HTTP answer to an attempt that must be refused. */
export async function refusedSocket(
  url: string,
  token: string,
  options?: SocketOptions,
): Promise<{ status: number | undefined; headers: IncomingMessage['headers']; body: RawMessage }> {
  const socket = socketTo(url, token, options)
  socket.on('error', () => undefined)
  const [, answer] = (await Promise.race([
    once(socket, 'unexpected-response'),
    once(socket, 'open').then(() => Promise.reject(new Error('the socket was opened'))),
  ])) as [unknown, IncomingMessage]
  const body = JSON.parse(await text(answer)) as RawMessage
  socket.terminate()
  return { status: answer.statusCode, headers: answer.headers, body }
}
