import type { Clock } from '../../domain/clock.ts'

const APART_MS = 200
/** Maximum pause between runs for a server that announces changes continuously. */
const MAX_APART_MS = 30_000

/**
 * Decides when a server's offer is listed again: after it announced a change, and at the latest after its TTL. The
 * pauses grow while a server announces changes continuously, and further while the announced changes are none.
 */
export class Rediscovery {
  readonly #clock: Clock
  readonly #ttlMs: () => number
  readonly #run: () => Promise<boolean>
  #cancel: (() => void) | undefined
  #isOn = false
  #isClosed = false
  #isRunning = false
  #isWanted = false
  #lastEnd = Number.NEGATIVE_INFINITY
  #apartMs = APART_MS
  /** Whether the next run was requested before the pause after the last one had passed. */
  #isEarly = false

  /** @param options.run resolves with whether the offer has changed */
  constructor(options: { clock: Clock; ttlMs: () => number; run: () => Promise<boolean> }) {
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

  /** A change was announced: several announcements lead to one run, at least 200 ms after the last run. */
  request(): void {
    if (this.#isClosed || this.#isWanted) return
    this.#isWanted = true
    this.#isEarly = this.#isRunning || this.#pauseMs() > 0
    if (this.#isOn && !this.#isRunning) this.#schedule(this.#pauseMs())
  }

  /** Stops runs until the next `start`. */
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
    return Math.max(0, this.#lastEnd + this.#apartMs - this.#clock.monotonic())
  }

  #nextPause(isChanged: boolean, wasEarly: boolean): number {
    const longer = this.#apartMs * 2
    if (!isChanged) return Math.max(APART_MS, Math.min(longer, this.#ttlMs()))
    return wasEarly ? Math.min(longer, MAX_APART_MS) : APART_MS
  }

  #schedule(delayMs: number): void {
    this.#cancel?.()
    this.#cancel = this.#clock.after(delayMs, () => void this.#now())
  }

  async #now(): Promise<void> {
    if (this.#isRunning || !this.#isOn) return
    this.#isRunning = true
    const wasWanted = this.#isWanted
    const wasEarly = this.#isEarly
    this.#isWanted = false
    try {
      const isChanged = await this.#run()
      if (wasWanted) this.#apartMs = this.#nextPause(isChanged, wasEarly)
    } finally {
      this.#isRunning = false
      this.#lastEnd = this.#clock.monotonic()
      if (this.#isOn) this.start()
    }
  }
}
