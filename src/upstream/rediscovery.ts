import type { Clock } from '../domain/clock.ts'

const APART_MS = 200

/** Decides when to ask a server again what it offers: after a change was announced, and at the latest after its TTL. */
export class Rediscovery {
  readonly #clock: Clock
  readonly #ttlMs: () => number
  readonly #run: () => Promise<void>
  #cancel: (() => void) | undefined
  #isOn = false
  #isClosed = false
  #isRunning = false
  #isWanted = false
  #lastEnd = Number.NEGATIVE_INFINITY

  constructor(options: { clock: Clock; ttlMs: () => number; run: () => Promise<void> }) {
    this.#clock = options.clock
    this.#ttlMs = options.ttlMs
    this.#run = options.run
  }

  /** Waits for the TTL from now on. */
  start(): void {
    if (this.#isClosed) return
    this.#isOn = true
    this.#schedule(this.#isWanted ? this.#pauseMs() : this.#ttlMs())
  }

  /** Something changed: many such reports in a row lead to one run, at least 200 ms after the last. */
  request(): void {
    if (this.#isClosed || this.#isWanted) return
    this.#isWanted = true
    if (this.#isOn && !this.#isRunning) this.#schedule(this.#pauseMs())
  }

  /** No more runs until the next `start`. */
  stop(): void {
    this.#isOn = false
    this.#isWanted = false
    this.#cancel?.()
  }

  close(): void {
    this.#isClosed = true
    this.stop()
  }

  #pauseMs(): number {
    return Math.max(0, this.#lastEnd + APART_MS - this.#clock.monotonic())
  }

  #schedule(delayMs: number): void {
    this.#cancel?.()
    this.#cancel = this.#clock.after(delayMs, () => void this.#now())
  }

  async #now(): Promise<void> {
    if (this.#isRunning || !this.#isOn) return
    this.#isRunning = true
    this.#isWanted = false
    try {
      await this.#run()
    } finally {
      this.#isRunning = false
      this.#lastEnd = this.#clock.monotonic()
      if (this.#isOn) this.start()
    }
  }
}
