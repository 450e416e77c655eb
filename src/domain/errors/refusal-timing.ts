import type { Clock } from '../clock.ts'
import type { ErrorCode } from './error-table.ts'
import type { GatewayError } from './errors.ts'

/** Refusals that are the same for what is denied and for what does not exist. */
const ALIKE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'tool_not_found',
  'prompt_not_found',
  'resource_not_found',
  'server_not_found',
  'task_not_found',
  'run_not_found',
  'approval_not_found',
  'session_not_found',
  'invalid_request_state',
])
/** How long a refusal waits at least, from the arrival of its request: longer than deciding and recording take. */
const WORK_MS = 5
/** Refusals go out at multiples of this. */
const TICK_MS = 10

interface Held {
  readonly arrivedAt: number
  readonly release: () => void
}

/** What is known of a refused request. */
interface Refused {
  /** Monotonic milliseconds at which the request arrived. */
  readonly arrivedAt: number
  /** Aborts when the refusal is no longer awaited. */
  readonly signal: AbortSignal
}

/**
 * Says when a refusal goes out that is the same for what is denied and for what does not exist: at an instant that depends only on
 * when its request arrived, so that the time tells no more than the text does. Those of one instant go out in the order in
 * which their requests arrived.
 */
export class RefusalTiming {
  readonly #clock: Clock
  /** By the instant at which they go out. */
  readonly #held = new Map<number, Set<Held>>()
  /** Refusals that have had their wait. */
  readonly #timed = new WeakSet<GatewayError>()
  #isClosed = false

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /**
   * Resolves when the refusal may go out, and at once when `signal` aborts; undefined for every other error, and for one
   * that has waited before. Never rejects.
   */
  wait(refusal: GatewayError, { arrivedAt, signal }: Refused): Promise<void> | undefined {
    if (!ALIKE.has(refusal.code) || this.#timed.has(refusal) || this.#isClosed) return undefined
    this.#timed.add(refusal)
    if (signal.aborted) return undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    const leave = (): void => {
      this.#held.get(instant)?.delete(entry)
      entry.release()
    }
    const entry: Held = {
      arrivedAt,
      release: () => {
        signal.removeEventListener('abort', leave)
        resolve()
      },
    }
    const instant = this.#hold(entry)
    signal.addEventListener('abort', leave, { once: true })
    return promise
  }

  /** Sends all waiting refusals now, and delays none from then on. Idempotent. */
  close(): void {
    this.#isClosed = true
    for (const instant of this.#held.keys()) this.#release(instant)
  }

  /** Returns the instant until which it is held. */
  #hold(entry: Held): number {
    const now = this.#clock.monotonic()
    // An arrival on the clock of another process may lie ahead.
    const earliest = Math.max(Math.min(entry.arrivedAt, now) + WORK_MS, now)
    const instant = Math.ceil(earliest / TICK_MS) * TICK_MS
    const known = this.#held.get(instant)
    if (known !== undefined) known.add(entry)
    else {
      this.#held.set(instant, new Set([entry]))
      // The instant may have come meanwhile.
      this.#clock.at(instant, () => this.#release(instant))
    }
    return instant
  }

  #release(instant: number): void {
    const held = this.#held.get(instant) ?? []
    this.#held.delete(instant)
    for (const { release } of [...held].toSorted((a, b) => a.arrivedAt - b.arrivedAt)) release()
  }
}
