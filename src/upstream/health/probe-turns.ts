import type { Clock } from '../../domain/clock.ts'

/** Health checks of all servers together: fifty a second, and twice as many at once. */
const APART_MS = 20
const AT_ONCE = 100

/**
 * Spreads the health checks of all instances, however many there are and however often their documents ask for them.
 */
export class ProbeTurns {
  readonly #clock: Clock
  #nextAt = Number.NEGATIVE_INFINITY

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Takes a turn; says in how many milliseconds it is. */
  take(): number {
    const now = this.#clock.monotonic()
    this.#nextAt = Math.max(this.#nextAt, now - AT_ONCE * APART_MS) + APART_MS
    return Math.max(0, this.#nextAt - now)
  }
}
