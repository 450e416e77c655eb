import type { LoopLoad } from './loop-load.ts'

const BUSY = 0.9
const MAX_MEMORY = 0.9
/** What it grows by while the loop is busy. */
const STEP = 1.1

/** The bounds of an `AdaptiveLimit`. */
export interface AdaptiveLimitOptions {
  readonly min: number
  readonly max: number
  /** Before anything was measured; `max` by default. */
  readonly start?: number
  /** Work that waits longer than this for its turn shows that more of it is under way than helps, in milliseconds. */
  readonly targetDelayMs: () => number
  /** Share of the time from which the loop counts as busy; 0.9 by default. */
  readonly busy?: number
  /** Whether it grows while the loop is always busy, as long as work waits for less than half of what is too long. */
  readonly growsWhileBusy?: boolean
}

/**
 * How many requests should be in progress: fewer while the event loop is always busy and work waits for it, because
 * more of them would only wait longer; more again as soon as it is not, so that calls of slow servers are no reason.
 */
export class AdaptiveLimit {
  readonly #min: number
  readonly #max: number
  readonly #targetDelayMs: () => number
  readonly #busy: number
  readonly #growsWhileBusy: boolean
  /** The present limit. */
  value: number
  #isShort = false

  constructor({
    min,
    max,
    start = max,
    targetDelayMs,
    busy = BUSY,
    growsWhileBusy = false,
  }: AdaptiveLimitOptions) {
    this.#min = Math.min(min, max)
    this.#max = max
    this.#targetDelayMs = targetDelayMs
    this.#busy = busy
    this.#growsWhileBusy = growsWhileBusy
    this.value = Math.min(start, max)
  }

  /** Whether memory is so short that nothing should wait. */
  get isShort(): boolean {
    return this.#isShort
  }

  /** Learns what the load was while that many requests were in progress. */
  learn({ delayMs, utilization, memory }: Omit<LoopLoad, 'turnMs'>, inProgress: number): void {
    const targetDelayMs = this.#targetDelayMs()
    this.#isShort = memory > MAX_MEMORY
    const isTooMuch = this.#isShort || (utilization > this.#busy && delayMs > targetDelayMs)
    if (isTooMuch) {
      // The longer work waits, the more of it is too much; half of it at once is as much as one look justifies.
      const share = this.#isShort ? 0.5 : Math.min(0.9, Math.max(0.5, targetDelayMs / delayMs))
      this.value = Math.max(this.#min, Math.min(this.value, Math.floor(inProgress * share)))
      return
    }
    const least = this.#growsWhileBusy && delayMs < targetDelayMs / 2 ? STEP : 1
    this.value = Math.min(this.#max, Math.ceil(this.value * Math.max(least, 2 - utilization)))
  }
}
