/** A call takes one or two of this thread's milliseconds; what has been there for longer waits for something else. */
const RECENT_MS = 50

/**
 * The requests in progress that began a moment ago, and so may be what keeps the event loop busy; calls that wait for slow
 * servers are not among them. Time is that of this thread's work, so that it does not matter how busy the machine is.
 */
export class RecentRequests {
  readonly #readWork: () => number
  /** At which work each began, by its number, in that order. */
  readonly #began = new Map<number, number>()
  #last = 0
  #work: number

  /** @param options.readWork milliseconds for which this thread has worked; it is asked only where that decides something */
  constructor(options: { readWork: () => number }) {
    this.#readWork = options.readWork
    this.#work = options.readWork()
  }

  get size(): number {
    return this.#began.size
  }

  /** @returns the number under which the request is removed */
  add(): number {
    this.#last += 1
    this.#began.set(this.#last, this.#work)
    return this.#last
  }

  delete(number: number): void {
    this.#began.delete(number)
  }

  /** Whether there are fewer than `limit`. */
  isBelow(limit: number): boolean {
    if (this.#began.size < limit) return true
    this.forget()
    return this.#began.size < limit
  }

  /** Forgets those that began long ago. */
  forget(): void {
    this.#work = this.#readWork()
    for (const [number, began] of this.#began) {
      if (this.#work - began < RECENT_MS) return
      this.#began.delete(number)
    }
  }
}
