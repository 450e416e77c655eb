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

/** Time after which a process that has not answered the era probe also gets `initialize`. */
const PROBE_MS = 3000
/** Timeout of `initialize` for a process that has answered the probe. */
const HUNG_MS = 10_000
/** The client's ids are numbers, and those of its probes have another prefix. */
const OWN_ID = 'tool-gateway-initialize'
const LEGACY = '2025-11-25'
const METHOD_NOT_FOUND = -32_601

/** The process answered, and then sent nothing more: the era probe may have made it hang. */
export class Hung extends Error {
  override readonly name = 'Hung'
}

/**
 * The transport of a process of unknown era, as the SDK's client sees it. A process that is still starting has read
 * nothing yet, so it gets both the era probe and, a little later, `initialize`, and may take the whole timeout to
 * answer either. Once open, everything passes unchanged.
 */
export class OpeningPipe implements Transport {
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onmessage?: ((message: JSONRPCMessage) => void) | undefined
  /** By this property the SDK distinguishes a pipe, over which servers may ignore an unknown request, from HTTP. */
  readonly pid = undefined
  readonly stderr = undefined

  readonly #transport: Transport
  readonly #clock: Clock
  readonly #clientInfo: Implementation
  readonly #onHung: (reason: Hung) => void
  readonly #mayTakeMs: () => number
  #isOpen = false
  /** The era probe that has no answer yet. */
  #probe: RequestId | undefined
  /** The answer to the probe, if it came after `initialize` was sent. */
  #lateAnswer: JSONRPCResponse | undefined
  /** Whether `initialize` was sent before the client requested it. */
  #isAsked = false
  #opening: JSONRPCResponse | undefined
  /** The client's own `initialize` while it has no answer. */
  #wanted: RequestId | undefined
  #cancel: () => void = () => undefined

  constructor(options: {
    transport: Transport
    clock: Clock
    clientInfo: Implementation
    /** Milliseconds until the timeout. */
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

  /** The connection is open; messages pass directly from now on. */
  opened(): void {
    this.#isOpen = true
    this.#cancel()
  }

  /**
   * Sends `initialize` to a process that has not answered the era probe: it may still be starting, or not know the
   * probe.
   */
  #askToOpen(): void {
    this.#isAsked = true
    const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: this.#clientInfo }
    // If sending fails, the end of the process is noticed elsewhere.
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

  /** A process may send requests before it answers, while the client does not listen yet. */
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
    // A server of both eras has got `initialize` by now, and one of the modern era refuses it.
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

  /** Makes the client continue as with a legacy server. */
  #denyProbe(id: RequestId | undefined): void {
    this.#probe = undefined
    if (id === undefined) return
    const error = { code: METHOD_NOT_FOUND, message: 'the server uses the legacy era' }
    this.onmessage?.({ jsonrpc: '2.0', id, error })
  }

  #answerWanted(): void {
    if (this.#wanted === undefined || this.#opening === undefined) return
    this.onmessage?.({ ...this.#opening, id: this.#wanted })
  }

  #expectAnswer(): void {
    this.#after(Math.min(HUNG_MS, this.#mayTakeMs() / 2), () =>
      this.#onHung(new Hung('it answered the protocol version probe, but not `initialize`')),
    )
  }

  #after(delayMs: number, task: () => void): void {
    this.#cancel()
    this.#cancel = this.#clock.after(delayMs, task)
  }
}

/** Whether the client recognises it as an answer; otherwise it would keep waiting. */
function isReadable({ result, error }: { result?: unknown; error?: unknown }): boolean {
  return isJsonObject(result) ? error === undefined : result === undefined && isRpcError(error)
}
