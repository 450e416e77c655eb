import { EventEmitter } from 'node:events'
import type { AnswerWriter } from '../../replicas/replica-relay.ts'

/** The part of a response of Node that streams of events are written to. */
export interface StreamResponse {
  readonly closed: boolean
  readonly destroyed: boolean
  readonly writableLength: number
  /** @param headers by name, or alternating names and values */
  writeHead(status: number, headers?: Record<string, string> | string[]): unknown
  flushHeaders(): void
  write(text: string): unknown
  end(text?: string): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

/** A response whose client is connected to another replica. */
export class RelayedResponse extends EventEmitter<{ close: [] }> implements StreamResponse {
  /** The other replica bounds what its client does not read. */
  readonly writableLength = 0
  readonly #writer: AnswerWriter
  #hasHead = false
  #isClosed = false

  /** @param signal aborts when the client has gone */
  constructor(writer: AnswerWriter, signal: AbortSignal) {
    super()
    this.#writer = writer
    signal.addEventListener('abort', () => this.#close(), { once: true })
  }

  get closed(): boolean {
    return this.#isClosed
  }

  get destroyed(): boolean {
    return this.#isClosed
  }

  writeHead(status: number, headers: Record<string, string> | string[] = {}): this {
    this.#hasHead = true
    this.#writer.head(status, Array.isArray(headers) ? byName(headers) : headers)
    return this
  }

  flushHeaders(): void {
    // The head is sent as soon as it is known.
  }

  write(text: string): boolean {
    if (!this.#isClosed) this.#writer.text(text)
    return true
  }

  end(text = ''): this {
    if (this.#isClosed) return this
    if (!this.#hasHead) this.writeHead(200)
    if (text !== '') this.#writer.text(text)
    this.#close()
    return this
  }

  destroy(): this {
    this.#close()
    return this
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#writer.end()
    this.emit('close')
  }
}

function byName(headers: readonly string[]): Record<string, string> {
  const names = headers.filter((_, index) => index % 2 === 0)
  return Object.fromEntries(names.map((name, index) => [name, headers[2 * index + 1] ?? '']))
}
