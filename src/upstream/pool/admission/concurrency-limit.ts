import { LongWaits } from './long-waits.ts'

/** A limit on concurrent calls that several pools share. */
export class ConcurrencyLimit {
  /** `Infinity` for none. A change counts from the next call on. */
  max: number
  readonly longWaits = new LongWaits()
  readonly #waiting = new Set<() => void>()
  #inFlight = 0

  constructor(options: { max: number }) {
    this.max = options.max
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.max
  }

  enter(): void {
    this.#inFlight += 1
  }

  leave(): void {
    this.#inFlight -= 1
    if (this.#waiting.size > 0) this.#wake()
  }

  /** Calls `task` once when there is room; passing the same function again has no effect. */
  whenRoom(task: () => void): void {
    this.#waiting.add(task)
  }

  /** Wakes the waiters in order; one that still waits registers again, as the last. */
  #wake(): void {
    const waiting = [...this.#waiting]
    for (const task of waiting) {
      if (!this.hasRoom) return
      this.#waiting.delete(task)
      task()
    }
  }
}
