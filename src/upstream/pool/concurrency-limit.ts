/** Places for calls that several pools share. */
export class ConcurrencyLimit {
  readonly #max: () => number
  readonly #waiting = new Set<() => void>()
  #inFlight = 0

  /** @param options.max how many places there are; asked each time, and `Infinity` for no limit */
  constructor(options: { max: () => number }) {
    this.#max = options.max
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#max()
  }

  enter(): void {
    this.#inFlight += 1
  }

  leave(): void {
    this.#inFlight -= 1
    if (this.#waiting.size > 0) this.#wake()
  }

  /** Calls `task` once when there is room; the same function is called once, however often it is given. */
  whenRoom(task: () => void): void {
    this.#waiting.add(task)
  }

  /** In turn: who still waits afterwards asks again, and is then the last. */
  #wake(): void {
    const waiting = [...this.#waiting]
    for (const task of waiting) {
      if (!this.hasRoom) return
      this.#waiting.delete(task)
      task()
    }
  }
}
