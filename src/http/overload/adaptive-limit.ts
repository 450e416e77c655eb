import type { LoopLoad } from './loop-load.ts'

/** Work waits longer than this for its turn only when more of it is under way than helps. */
const TARGET_DELAY_MS = 100
const BUSY = 0.9
const MAX_MEMORY = 0.9
/** Enough to keep the loop busy, and what one agent may send at once: a machine that others keep busy is no reason. */
const MIN = 64
/** Before anything was measured. */
const START = 256

/**
 * How many requests should be in progress: fewer while the event loop is always busy and work waits for it, because
 * more of them would only wait longer; more again as soon as it is not, so that calls of slow servers are no reason.
 */
export class AdaptiveLimit {
  readonly #max: number
  #limit: number
  #isShort = false

  constructor({ max }: { max: number }) {
    this.#max = max
    this.#limit = Math.min(START, max)
  }

  get value(): number {
    return this.#limit
  }

  /** Whether memory is so short that nothing should wait. */
  get isShort(): boolean {
    return this.#isShort
  }

  /** Learns what the load was while that many requests were in progress. */
  learn({ delayMs, utilization, memory }: LoopLoad, inProgress: number): void {
    this.#isShort = memory > MAX_MEMORY
    const isTooMuch = this.#isShort || (utilization > BUSY && delayMs > TARGET_DELAY_MS)
    if (isTooMuch) {
      // The longer work waits, the more of it is too much; half of it at once is as much as one look justifies.
      const share = this.#isShort ? 0.5 : Math.min(0.9, Math.max(0.5, TARGET_DELAY_MS / delayMs))
      this.#limit = Math.max(MIN, Math.min(this.#limit, Math.floor(inProgress * share)))
    } else this.#limit = Math.min(this.#max, Math.ceil(this.#limit * 1.25))
  }
}
