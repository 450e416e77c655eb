import type { JSONRPCMessage, JSONRPCRequest, Transport } from '@modelcontextprotocol/server'
import type { RawData, WebSocket } from 'ws'
import { type Clock, repeat } from '../../domain/clock.ts'
import { type GatedWork, overloaded } from '../../domain/concurrency/gated-work.ts'
import { type HeldRequest, memoryOf } from '../../domain/concurrency/held-bytes.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { excessOf, REQUEST_LIMITS } from '../../domain/json/json-scan.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { CANCELLED, isAnswer, isNotification, isRequest, messageIn } from '../message.ts'
import { jsonRpcErrorOf } from '../protocol-error.ts'
import { NotificationLimit } from './notification-limit.ts'
import type { RequestIds } from '../request-ids.ts'
import { MAX_UNREAD_BYTES } from './event-stream.ts'
import { LISTEN, type WebSocketListens } from './websocket-listens.ts'

type RequestId = JSONRPCRequest['id']

/** What serves plain calls without the SDK. */
export interface PlainCallTaker {
  /** Takes a request; says whether it has. */
  readonly take: (message: JSONRPCRequest) => boolean
  readonly cancel: (id: RequestId) => boolean
}

/** A request that is under way. */
interface UnderWay {
  /** Releases its permit. */
  end: () => void
  /** Monotonic milliseconds. */
  readonly arrivedAt: number
}

const PING_MS = 30_000
/** Consecutive pings that may remain unanswered. */
const MAX_MISSED_PINGS = 2
/** Limit of requests in flight on one connection. */
const MAX_REQUESTS = 128
const PARSE_ERROR = -32_700

/**
 * Why the gateway closes a connection (RFC 6455 §7.4.1). The package `ws` itself sends 1007, 1008 and 1009 for invalid
 * frames.
 */
export const CLOSE = {
  done: { code: 1000, reason: '' },
  shuttingDown: { code: 1001, reason: 'the gateway is shutting down' },
  notText: { code: 1003, reason: 'only text frames are messages' },
  tokenEnded: { code: 1008, reason: 'the token has expired' },
} as const
/** The code and the reason of a close frame. */
export type CloseReason = (typeof CLOSE)[keyof typeof CLOSE]

/**
 * MCP over one WebSocket, with one message in each text frame. A frame that is not a message, repeats an id in flight,
 * or exceeds the limit of requests is answered with an error; the connection stays open.
 */
export class WebSocketTransport implements Transport {
  onclose: Transport['onclose']
  onerror: Transport['onerror']
  onmessage: Transport['onmessage']
  readonly #socket: WebSocket
  readonly #clock: Clock
  readonly #ids: RequestIds
  readonly #listens: WebSocketListens
  readonly #direct: PlainCallTaker | undefined
  readonly #notifications: NotificationLimit
  readonly #admit: (work: Omit<GatedWork, 'owner'>) => () => void
  readonly #hold: (bytes: number) => HeldRequest | undefined
  /** Requests that were neither answered nor cancelled. */
  readonly #underWay = new Map<RequestId, UnderWay>()
  readonly #logger: Logger
  #missedPings = 0
  /** Notifications over the limit. */
  #dropped = 0
  #reason: CloseReason = CLOSE.done

  constructor(options: {
    socket: WebSocket
    clock: Clock
    ids: RequestIds
    listens: WebSocketListens
    direct?: PlainCallTaker | undefined
    /** Lets requests begin in their turn. */
    admit: (work: Omit<GatedWork, 'owner'>) => () => void
    /** See `HeldBytes.take`. */
    hold: (bytes: number) => HeldRequest | undefined
    logger: Logger
  }) {
    this.#logger = options.logger
    this.#socket = options.socket
    this.#clock = options.clock
    this.#notifications = new NotificationLimit(options)
    this.#ids = options.ids
    this.#direct = options.direct
    this.#admit = options.admit
    this.#hold = options.hold
    this.#listens = options.listens
  }

  start(): Promise<void> {
    const stopPings = repeat(this.#clock, PING_MS, () => this.#ping())
    this.#socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    this.#socket.on('pong', () => (this.#missedPings = 0))
    this.#socket.on('error', (error) => this.onerror?.(error))
    this.#socket.on('close', () => {
      stopPings()
      if (this.#dropped > 0)
        this.#logger.info({ dropped: this.#dropped }, 'notifications of a client were dropped')
      for (const id of this.#underWay.keys()) this.#cancel(id)
      this.onclose?.()
    })
    return Promise.resolve()
  }

  send(message: JSONRPCMessage): Promise<void> {
    if (isAnswer(message) && message.id !== undefined) this.#release(message.id)
    this.#listens.onSent(message)
    this.#write(message)
    return Promise.resolve()
  }

  /** When a request that is under way arrived, in monotonic milliseconds. */
  arrivedAt(id: RequestId): number | undefined {
    return this.#underWay.get(id)?.arrivedAt
  }

  /** Sends the answer to a request, as JSON. */
  answer(id: RequestId, json: string): void {
    this.#release(id)
    this.#writeText(json)
  }

  /** Sets the reason that the close frame will have. */
  closeFor(reason: CloseReason): void {
    this.#reason = reason
  }

  close(): Promise<void> {
    this.#socket.close(this.#reason.code, this.#reason.reason)
    return Promise.resolve()
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#missedPings = 0
    if (isBinary) {
      this.#socket.close(CLOSE.notText.code, CLOSE.notText.reason)
      return
    }
    const bytes = bytesOf(data)
    const excess = excessOf(bytes, REQUEST_LIMITS)
    const given = excess === undefined ? parsed(bytes) : null
    try {
      if (excess !== undefined) throw new GatewayError('invalid_request', `The message ${excess}`)
      this.#deliver(this.#admitted(given, bytes))
    } catch (error) {
      this.#refuse(toGatewayError(error), given)
    }
  }

  #deliver(message: JSONRPCMessage): void {
    if (isNotification(message) && !this.#notifications.admits(message)) return this.#drop()
    if (isRequest(message)) this.#enqueue(message)
    else this.onmessage?.(message)
  }

  /** Only requests wait for their turn: on answers and cancellations others may be waiting. */
  #enqueue(request: JSONRPCRequest): void {
    const { id } = request
    const end = this.#admit({
      begin: () => {
        if (request.method === LISTEN) void this.#listen(request)
        else if (this.#direct?.take(request) !== true) this.onmessage?.(request)
      },
      refuse: () => {
        this.#release(id)
        this.#refuse(overloaded(), request)
      },
    })
    // It may have begun, and even ended.
    const underWay = this.#underWay.get(id)
    if (underWay === undefined) end()
    else underWay.end = end
  }

  /** It counts as work of the gate until the stream is open, and its id stays in use until then, even if it is cancelled. */
  async #listen(request: JSONRPCRequest): Promise<void> {
    const { id } = request
    try {
      const ready = await this.#listens.prepare(request)
      if (ready === undefined) return this.#release(id)
      this.#underWay.get(id)?.end()
      this.onmessage?.(ready)
    } catch (error) {
      this.#release(id)
      this.#refuse(toGatewayError(error), request)
    }
  }

  /** A notification gets no answer, not even an error when there are too many. */
  #drop(): void {
    if (this.#dropped === 0)
      this.#logger.warn('a client sends too many notifications; those over the limit are dropped')
    this.#dropped += 1
  }

  /** @throws GatewayError `invalid_request`, `too_many_requests`, `overloaded` */
  #admitted(given: unknown, bytes: Buffer): JSONRPCMessage {
    if (given === undefined) throw new GatewayError('invalid_request', 'The frame is not valid JSON')
    const message = messageIn(given)
    if (isRequest(message)) {
      if (this.#underWay.size >= MAX_REQUESTS) throw new GatewayError('too_many_requests')
      const body = this.#hold(memoryOf(bytes))
      try {
        this.#ids.claim(message.id, body)
      } finally {
        body?.release()
      }
      this.#underWay.set(message.id, { end: () => undefined, arrivedAt: this.#clock.monotonic() })
    } else if (isNotification(message) && message.method === CANCELLED) {
      const requestId = message.params?.['requestId']
      if (typeof requestId === 'string' || typeof requestId === 'number') {
        this.#cancel(requestId)
        this.#direct?.cancel(requestId)
      }
    }
    return message
  }

  #cancel(id: RequestId): void {
    if (!this.#listens.cancel(id)) this.#release(id)
  }

  #release(id: RequestId): void {
    const underWay = this.#underWay.get(id)
    if (underWay === undefined) return
    this.#underWay.delete(id)
    this.#ids.release(id)
    underWay.end()
  }

  /** The error omits an id that is in flight: the client would take the error for the answer to that request. */
  #refuse(error: GatewayError, given: unknown): void {
    const id = isJsonObject(given) && 'method' in given ? given['id'] : undefined
    const isId = (typeof id === 'string' || typeof id === 'number') && !this.#underWay.has(id)
    const { code, message, data } = jsonRpcErrorOf(error, 'legacy')
    this.#write({
      jsonrpc: '2.0',
      id: isId ? id : null,
      error: { code: given === undefined ? PARSE_ERROR : code, message, data },
    })
  }

  /** The connection of a client that does not read is closed, so that its buffer stays limited. */
  #writeText(json: string): void {
    if (this.#socket.bufferedAmount > MAX_UNREAD_BYTES) this.#socket.terminate()
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(json)
  }

  #write(message: unknown): void {
    this.#writeText(JSON.stringify(message))
  }

  #ping(): void {
    if (this.#missedPings >= MAX_MISSED_PINGS) {
      this.#socket.terminate()
      return
    }
    this.#missedPings += 1
    this.#socket.ping()
  }
}

/** The parsed JSON of a text frame; undefined if it is not JSON. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)])
}
