import { type Clock, sleep } from '../domain/clock.ts'
import { backoffMs } from '../domain/backoff.ts'

/** Up to twice as long with each failure, at most 5 s. */
const RETRY = { smallestMs: 100, firstMs: 100, largestMs: 5000 }

/** What a `WorkLoop` repeats, and what it tells. */
export interface WorkLoopOptions {
  /** One piece of work; resolves with whether there may be more. */
  readonly work: () => Promise<boolean>
  readonly onFailure: (error: unknown) => void
  /** The first piece of work after failures succeeded. */
  readonly onRecovery: () => void
  readonly clock: Clock
  readonly random: () => number
}

/** Works while there is something to do, one piece after the other; after a failure it waits and tries again. */
export class WorkLoop {
  readonly #options: WorkLoopOptions
  #failures = 0
  #isWanted = false
  #isStopped = false
  #isRunning = false
  #wait: AbortController | undefined

  constructor(options: WorkLoopOptions) {
    this.#options = options
  }

  /** Whether the last piece of work failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** There is something to do. After a failure that does not make it try sooner. */
  start(): void {
    this.#isWanted = true
    if (!this.#isRunning) void this.#run()
  }

  /** Ends the wait after a failure, if it waits. */
  hurry(): void {
    this.#wait?.abort()
  }

  /** Begins no further piece of work. Idempotent. */
  stop(): void {
    this.#isStopped = true
    this.hurry()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false
      await this.#workOnce()
    }
    this.#isRunning = false
  }

  async #workOnce(): Promise<void> {
    const { work, onFailure, onRecovery, clock, random } = this.#options
    try {
      const hasMore = await work()
      this.#isWanted ||= hasMore
      if (this.#failures > 0) onRecovery()
      this.#failures = 0
    } catch (error) {
      this.#isWanted = true
      this.#failures += 1
      if (this.#isStopped) return
      onFailure(error)
      this.#wait = new AbortController()
      await sleep(clock, backoffMs(this.#failures, random, RETRY), this.#wait.signal)
      this.#wait = undefined
    }
  }
}
