import { type Clock, repeat } from '../../domain/clock.ts'
import type { StreamResponse } from '../relay/stream-response.ts'

/**
 * Maximum data, in bytes, that one stream buffers for a client that does not read; a client that exceeds it is
 * disconnected.
 */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024

const KEEP_ALIVE_TURNS = 15
const TURN_MS = 1000

/**
 * Whether a stream of events can take more data; the stream of a client that does not read is ended, so that its buffer
 * stays limited.
 */
export function canTake(response: StreamResponse): boolean {
  if (!response.destroyed && response.writableLength <= MAX_UNREAD_BYTES) return true
  response.destroy()
  return false
}

/** Writes a comment to a stream, unless its client does not read. */
export function keepAlive(response: StreamResponse): void {
  if (canTake(response)) response.write(': keepalive\n\n')
}

/** What is written to every 15 seconds. */
export interface KeptOpen {
  keepAlive(): void
}

/**
 * Writes comments to open streams every 15 seconds, so that proxies do not close them while they are idle. All of them
 * share one timer, which writes to a fifteenth of them at a time.
 */
export class KeepAlives {
  readonly #clock: Clock
  readonly #turns = Array.from({ length: KEEP_ALIVE_TURNS }, () => new Set<KeptOpen>())
  #turn = 0
  #streams = 0
  #stop: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Keeps a stream alive until the returned function is called. */
  add(stream: KeptOpen): () => void {
    const turn = this.#turns[this.#turn]
    turn?.add(stream)
    this.#streams += 1
    this.#stop ??= repeat(this.#clock, TURN_MS, () => this.#next())
    return () => {
      if (turn?.delete(stream) !== true) return
      this.#streams -= 1
      if (this.#streams > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
  }

  #next(): void {
    this.#turn = (this.#turn + 1) % KEEP_ALIVE_TURNS
    for (const stream of this.#turns[this.#turn] ?? []) stream.keepAlive()
  }
}

const HEAD = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  'X-Accel-Buffering',
  'no',
] as const

/**
 * Begins a response that is a stream of events of a session.
 * @param options.more further headers, as alternating names and values
 * @param options.length bytes of all events, where they are known: the response is one write then
 */
export function writeHead(
  response: StreamResponse,
  sessionId: string,
  { more = [], length }: { readonly more?: readonly string[]; readonly length?: number } = {},
): void {
  const known = length === undefined ? [] : ['Content-Length', String(length)]
  response.writeHead(200, [...more, ...HEAD, ...known, 'Mcp-Session-Id', sessionId])
}

/** Writes an event, unless the client does not read. */
export function writeTo(response: StreamResponse, event: string, isLast: boolean): void {
  if (!canTake(response)) return
  if (isLast) response.end(event)
  else response.write(event)
}

/** Answers a message that needs no answer of its own. */
export function accepted(response: StreamResponse): void {
  response.writeHead(202)
  response.end()
}
