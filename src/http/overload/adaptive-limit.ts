import type { LoopLoad } from './loop-load.ts'

const BUSY = 0.9
const MAX_MEMORY = 0.9
/** Growth factor while the event loop is busy. */
const STEP = 1.1

/** The bounds of an `AdaptiveLimit`. */
export interface AdaptiveLimitOptions {
  readonly min: number
  readonly max: number
  /** The initial limit; `max` by default. */
  readonly start?: number
  /** Milliseconds of delay above which too much work is in progress. */
  readonly targetDelayMs: () => number
  /** Utilization from which the event loop counts as busy; 0.9 by default. */
  readonly busy?: number
  /** Whether it grows while the event loop is always busy, as long as the delay is below half of the target. */
  readonly growsWhileBusy?: boolean
}

/**
 * An adaptive limit of requests in progress: it falls while the event loop is always busy and work is delayed, because more
 * requests would only wait longer, and rises otherwise, so that calls to slow servers do not lower it.
 */
export class AdaptiveLimit {
  readonly #min: number
  readonly #max: number
  readonly #targetDelayMs: () => number
  readonly #busy: number
  readonly #growsWhileBusy: boolean
  /** The current limit. */
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

  /** Whether memory is so short that nothing should be queued. */
  get isShort(): boolean {
    return this.#isShort
  }

  /** Adapts to the load while that many requests were in progress. */
  learn({ delayMs, utilization, memory }: Omit<LoopLoad, 'turnMs'>, inProgress: number): void {
    const targetDelayMs = this.#targetDelayMs()
    this.#isShort = memory > MAX_MEMORY
    const isTooMuch = this.#isShort || (utilization > this.#busy && delayMs > targetDelayMs)
    if (isTooMuch) {
      // The longer the delay, the more it falls, by half at most in one step.
      const share = this.#isShort ? 0.5 : Math.min(0.9, Math.max(0.5, targetDelayMs / delayMs))
      this.value = Math.max(this.#min, Math.min(this.value, Math.floor(inProgress * share)))
      return
    }
    const least = this.#growsWhileBusy && delayMs < targetDelayMs / 2 ? STEP : 1
    this.value = Math.min(this.#max, Math.ceil(this.value * Math.max(least, 2 - utilization)))
  }
}
