import type {
  Implementation,
  JSONRPCMessage,
  JSONRPCResponse,
  RequestId,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../../domain/clock.ts'
import { isJsonObject } from '../../../domain/json/json.ts'
import { isRpcError } from '../../messages/raw-results.ts'

/** How long a process may leave the question for its era unanswered before it is asked to open as well. */
const PROBE_MS = 3000
/** For the answer to `initialize` of a process that has answered before. */
const HUNG_MS = 10_000
/** Ids of the client are numbers, and those of its probes begin otherwise. */
const OWN_ID = 'tool-gateway-initialize'
const LEGACY = '2025-11-25'
const METHOD_NOT_FOUND = -32_601

/** The process has answered and then said nothing any more: it may be one that its era was asked in vain. */
export class Hung extends Error {
  override readonly name = 'Hung'
}

/**
 * The transport of a process of which the era is not known, as the SDK's client gets it. A process that is still
 * starting has read nothing yet, so both questions are put to it, first for its era and a little later to open, and it
 * has all the time that there is to answer either. Once open, everything passes as it is.
 */
export class OpeningPipe implements Transport {
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onmessage?: ((message: JSONRPCMessage) => void) | undefined
  /** By these the SDK tells a pipe, where servers may leave an unknown request unanswered, from HTTP. */
  readonly pid = undefined
  readonly stderr = undefined

  readonly #transport: Transport
  readonly #clock: Clock
  readonly #clientInfo: Implementation
  readonly #onHung: (reason: Hung) => void
  readonly #mayTakeMs: () => number
  #isOpen = false
  /** The question for the era that is not answered yet. */
  #probe: RequestId | undefined
  /** Its answer, where it came after the process was asked to open. */
  #lateAnswer: JSONRPCResponse | undefined
  /** Whether the process was asked to open before the client wanted that. */
  #isAsked = false
  #opening: JSONRPCResponse | undefined
  /** The client's own `initialize` that waits for an answer. */
  #wanted: RequestId | undefined
  #cancel: () => void = () => undefined

  constructor(options: {
    transport: Transport
    clock: Clock
    clientInfo: Implementation
    /** Milliseconds until the opening is given up. */
    remaining: () => number
    onHung: (reason: Hung) => void
  }) {
    const { transport, clock, clientInfo, remaining, onHung } = options
    this.#transport = transport
    this.#clock = clock
    this.#clientInfo = clientInfo
    this.#mayTakeMs = remaining
    this.#onHung = onHung
    transport.onmessage = (message: JSONRPCMessage) => this.#receive(message)
    transport.onerror = (error) => this.onerror?.(error)
    transport.onclose = () => {
      this.#cancel()
      this.onclose?.()
    }
  }

  start(): Promise<void> {
    return this.#transport.start()
  }

  close(): Promise<void> {
    this.#cancel()
    return this.#transport.close()
  }

  setProtocolVersion(version: string): void {
    this.#transport.setProtocolVersion?.(version)
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#isOpen || !('method' in message) || !('id' in message))
      return this.#transport.send(message, options)
    const { id, method } = message
    if (method === 'server/discover') {
      this.#probe = id
      this.#after(PROBE_MS, () => this.#askToOpen())
    }
    if (method !== 'initialize') return this.#transport.send(message, options)
    this.#wanted = id
    if (this.#isAsked) {
      queueMicrotask(() => this.#answerWanted())
      return Promise.resolve()
    }
    this.#expectAnswer()
    return this.#transport.send(message, options)
  }

  /** The connection stands; nothing is held back any more. */
  opened(): void {
    this.#isOpen = true
    this.#cancel()
  }

  /** The process has left the question for its era unanswered: it may still be starting, or not know the question. */
  #askToOpen(): void {
    this.#isAsked = true
    const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: this.#clientInfo }
    // What cannot be sent is noticed by the end of the process.
    this.#transport.send({ jsonrpc: '2.0', id: OWN_ID, method: 'initialize', params }).catch(() => undefined)
  }

  #receive(message: JSONRPCMessage): void {
    if (this.#isOpen) return this.onmessage?.(message)
    if ('method' in message) return this.#heard(message)
    const { id } = message
    if (id === OWN_ID) this.#openingAnswered(message)
    else if (id !== undefined && id === this.#probe) this.#probeAnswered(message)
    else {
      if (id === this.#wanted) this.#cancel()
      this.onmessage?.(message)
    }
  }

  /** A process may want to know that somebody is there before it goes on; the client does not listen yet. */
  #heard(message: JSONRPCMessage): void {
    const isEarlyPing =
      'id' in message && 'method' in message && message.method === 'ping' && this.#wanted === undefined
    if (!isEarlyPing) return this.onmessage?.(message)
    this.#transport.send({ jsonrpc: '2.0', id: message.id, result: {} }).catch(() => undefined)
  }

  #probeAnswered(answer: JSONRPCResponse): void {
    this.#probe = undefined
    this.#cancel()
    if (!this.#isAsked) return isReadable(answer) ? this.onmessage?.(answer) : this.#denyProbe(answer.id)
    // A server of both eras has been asked to open by now, and one of the modern era refuses that.
    if (this.#opening === undefined) {
      this.#lateAnswer = answer
      this.#expectAnswer()
    }
  }

  #openingAnswered(answer: JSONRPCResponse): void {
    this.#cancel()
    this.#opening = answer
    const late = this.#lateAnswer
    if (this.#wanted !== undefined) this.#answerWanted()
    else if ('error' in answer && late !== undefined) this.onmessage?.(late)
    else this.#denyProbe(late?.id ?? this.#probe)
  }

  /** The client then goes on as with a server of the legacy era. */
  #denyProbe(id: RequestId | undefined): void {
    this.#probe = undefined
    if (id === undefined) return
    const error = { code: METHOD_NOT_FOUND, message: 'the server is one of the legacy era' }
    this.onmessage?.({ jsonrpc: '2.0', id, error })
  }

  #answerWanted(): void {
    if (this.#wanted === undefined || this.#opening === undefined) return
    this.onmessage?.({ ...this.#opening, id: this.#wanted })
  }

  #expectAnswer(): void {
    this.#after(Math.min(HUNG_MS, this.#mayTakeMs() / 2), () =>
      this.#onHung(new Hung('it answered the question for its protocol version, but not `initialize`')),
    )
  }

  #after(delayMs: number, task: () => void): void {
    this.#cancel()
    this.#cancel = this.#clock.after(delayMs, task)
  }
}

/** Whether the client takes it for an answer: it would wait for another one. */
function isReadable({ result, error }: { result?: unknown; error?: unknown }): boolean {
  return isJsonObject(result) ? error === undefined : result === undefined && isRpcError(error)
}
