import type { Clock } from '../../domain/clock.ts'

/** A connection that held this long has recovered. */
const STABLE_MS = 60_000

/** Counts failures in a row and says when a server has had its chances. */
export class RestartBudget {
  readonly #clock: Clock
  #failures = 0
  #readySince: number | undefined

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures
  }

  /** The server became ready. */
  ready(): void {
    this.#readySince = this.#clock.monotonic()
  }

  /** The server failed to start or was lost; says whether it may be started again, given `maxRestarts` in a row. */
  spend(maxRestarts: number): boolean {
    const heldMs = this.#readySince === undefined ? 0 : this.#clock.monotonic() - this.#readySince
    this.#readySince = undefined
    this.#failures = heldMs >= STABLE_MS ? 1 : this.#failures + 1
    return this.#failures <= maxRestarts
  }
}
