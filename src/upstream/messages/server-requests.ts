import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { ERRORS } from '../../domain/errors/error-table.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { memoryUpTo } from '../../domain/json/json-memory.ts'
import { type ClientSide, mayAsk } from './client-side.ts'
import { type FollowedRequest, OpenAsk } from './followed-request.ts'
import { isSameId } from './message-id.ts'
import type { RpcError } from './raw-results.ts'

/**
 * The most that a server may ask at the same time, and the most refusals and answers to pings under way, and within a
 * second.
 */
const MAX_OPEN = 100
/** The most memory that one request may take, and all that are in progress. */
const MAX_BYTES = 4 * 1024 * 1024
const MAX_OPEN_BYTES = 2 * MAX_BYTES
/** Answered here: the SDK would answer each of a flood. */
const PING = 'ping'
const METHOD_NOT_FOUND = -32_601
const INVALID_REQUEST = -32_600
const INTERNAL_ERROR = -32_603

/** Ends an ask that needs no answer any more. */
const UNANSWERED = new Error('the request has ended')

/** The client to ask, and the requests that one of may be the reason. */
export interface Addressee {
  readonly client: ClientSide
  readonly requests: readonly FollowedRequest[]
}

/** What one server asks of its client: passed on as it is, and answered as it is. */
export class ServerRequests {
  readonly #send: (message: JSONRPCMessage) => Promise<void>
  readonly #clock: Clock
  readonly #askTimeoutMs: number
  readonly #declared: JsonObject
  readonly #open = new Map<RequestId, OpenAsk>()
  #openBytes = 0
  /** Refusals and answers to pings that are being sent. */
  #sending = 0
  /** The same of the present second, and when that began. */
  #sent = 0
  #since = Number.NEGATIVE_INFINITY

  constructor(options: {
    send: (message: JSONRPCMessage) => Promise<void>
    clock: Clock
    askTimeoutMs: number
    /** The client capabilities that the server was told of. */
    declared: JsonObject
  }) {
    this.#send = options.send
    this.#clock = options.clock
    this.#askTimeoutMs = options.askTimeoutMs
    this.#declared = options.declared
  }

  /** Asks what the server wants to know, of whom `addressee` names, and sends the answer. */
  receive(message: ServerRequest, addressee: () => Addressee | undefined): void {
    const { id, method, params } = message
    if (method === PING) return this.#replyWithinLimit({ jsonrpc: '2.0', id, result: {} })
    if (!mayAsk(this.#declared, method)) return this.#refuse(id, METHOD_NOT_FOUND, 'Method not found')
    const to = addressee()
    const ask = to?.client.ask
    if (to === undefined || ask === undefined) return this.#refuse(id, METHOD_NOT_FOUND, 'Method not found')
    if (this.#open.has(id)) return this.#refuse(id, INVALID_REQUEST, 'The request id is already in use')
    const bytes = memoryUpTo(MAX_BYTES, params)
    if (bytes > MAX_BYTES) return this.#refuse(id, INVALID_REQUEST, 'The request is larger than 4 MiB')
    if (this.#open.size >= MAX_OPEN || this.#openBytes + bytes > MAX_OPEN_BYTES)
      return this.#refuse(id, INTERNAL_ERROR, 'Too many requests are in progress')
    const open = new OpenAsk(to.requests)
    // Here and not where the answer is awaited, which would hold the parameters until it comes.
    const answer = ask.call(to.client, method, params, { signal: open.signal })
    void this.#answer({ id, open, bytes }, answer)
  }

  /** The server does not want to know any more. Says whether it had asked under that id. */
  cancel(id: unknown): boolean {
    const asked =
      [...this.#open].find(([other]) => other === id) ??
      [...this.#open].find(([other]) => isSameId(other, id))
    asked?.[1].abort(UNANSWERED)
    return asked !== undefined
  }

  /** Cancels all requests, because no answer could be sent. */
  cancelAll(): void {
    for (const open of this.#open.values()) open.abort(UNANSWERED)
  }

  async #answer(
    { id, open, bytes }: { readonly id: RequestId; readonly open: OpenAsk; readonly bytes: number },
    answer: Promise<JsonObject>,
  ): Promise<void> {
    const { signal } = open
    this.#open.set(id, open)
    this.#openBytes += bytes
    const cancelTimer = this.#clock.after(this.#askTimeoutMs, () =>
      open.abort(new GatewayError('client_not_reachable', 'The client gave no answer in time')),
    )
    try {
      const result = await unlessAborted(answer, signal)
      this.#reply({ jsonrpc: '2.0', id, result })
    } catch (error) {
      if (signal.reason !== UNANSWERED) this.#reply({ jsonrpc: '2.0', id, error: rpcError(error) })
    } finally {
      cancelTimer()
      open.end()
      this.#open.delete(id)
      this.#openBytes -= bytes
    }
  }

  #refuse(id: RequestId, code: number, message: string): void {
    this.#replyWithinLimit({ jsonrpc: '2.0', id, error: { code, message } })
  }

  /** A flood of requests must not become a flood of answers. */
  #replyWithinLimit(message: JSONRPCMessage): void {
    const now = this.#clock.monotonic()
    if (now - this.#since >= 1000) {
      this.#since = now
      this.#sent = 0
    }
    if (this.#sending >= MAX_OPEN || this.#sent >= MAX_OPEN) return
    this.#sending += 1
    this.#sent += 1
    this.#reply(message, () => (this.#sending -= 1))
  }

  #reply(message: JSONRPCMessage, onSent: () => void = () => undefined): void {
    // A transport that cannot send says so on its own.
    this.#send(message).then(onSent, onSent)
  }
}

/** A request of the server as far as it is certain. */
export interface ServerRequest {
  readonly id: RequestId
  readonly method: string
  readonly params: JsonObject | undefined
}

function rpcError(error: unknown): RpcError {
  if (!(error instanceof GatewayError)) return { code: INTERNAL_ERROR, message: 'Internal error' }
  return error.facts.upstream ?? { code: ERRORS[error.code].rpc, message: error.message }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return Promise.race([promise, aborted])
}
