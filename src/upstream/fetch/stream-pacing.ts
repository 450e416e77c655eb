import type { StreamableHTTPReconnectionOptions } from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { isOfRequest } from '../messages/stream-context.ts'

/** Streams are reopened within these bounds, even if the server requests another delay (`retry`). */
const SHORTEST_MS = 1000
const LONGEST_MS = 5 * 60 * 1000
/** Up to this, the pause before the standing stream is opened again grows. */
const LONGEST_PAUSE_MS = 30_000
/** A stream that held this long was a good one. */
const STABLE_MS = 60_000
/** Limit for the stream that answers a request, which then fails. The standing stream is retried without limit. */
const REQUEST_RETRIES = 2

/**
 * When the streams of a connection are opened again. The standing one, by which comes what belongs to no request, is
 * told apart by the context that it is read in.
 */
export class StreamPacing {
  /** For the SDK's transport. */
  readonly options: StreamableHTTPReconnectionOptions = {
    initialReconnectionDelay: SHORTEST_MS,
    maxReconnectionDelay: LONGEST_PAUSE_MS,
    reconnectionDelayGrowFactor: 1.5,
    get maxRetries() {
      return isOfRequest() ? REQUEST_RETRIES : Number.POSITIVE_INFINITY
    },
  }
  readonly #clock: Clock
  #openedAt: number | undefined
  #shortLives = 0
  #onReopened: (() => void) | undefined

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Called when the standing stream is there again after a gap, in which notices were lost. */
  set onReopened(listener: () => void) {
    this.#onReopened = listener
  }

  /** The standing stream, not the response to a request, was opened. */
  opened(): void {
    if (isOfRequest()) return
    const isAgain = this.#openedAt !== undefined
    this.#openedAt = this.#clock.monotonic()
    if (isAgain) this.#onReopened?.()
  }

  /** Has the SDK open a stream again after a while; gives what takes that back. */
  readonly schedule = (reopen: () => void, delayMs: number, attempt: number): (() => void) => {
    const pauseMs = isOfRequest() ? SHORTEST_MS : this.#pauseMs(attempt)
    return this.#clock.after(Math.min(LONGEST_MS, Math.max(pauseMs, delayMs)), reopen)
  }

  #pauseMs(failures: number): number {
    if (failures === 0) {
      const livedMs = this.#clock.monotonic() - (this.#openedAt ?? Number.NEGATIVE_INFINITY)
      this.#shortLives = livedMs < STABLE_MS ? this.#shortLives + 1 : 1
    }
    return Math.min(LONGEST_PAUSE_MS, SHORTEST_MS * 2 ** Math.min(10, this.#shortLives - 1 + failures))
  }
}
