/** Lets at most a fixed number of tasks run at the same time; the others wait their turn. */
export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(options: { count: number }) {
    this.#free = options.count
  }

  /** Runs `task` when a slot is free. Rejects with the signal's reason when it is aborted before that. */
  async use<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#free === 0) await this.#turn(signal)
    else this.#free -= 1
    try {
      signal.throwIfAborted()
      return await task()
    } finally {
      this.#release()
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = (): void => {
      this.#waiting.delete(resolve)
      reject(signal.reason)
    }
    if (signal.aborted) giveUp()
    else this.#waiting.add(resolve)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  /** Hands the slot to the next in line, else puts it back. */
  #release(): void {
    const next = this.#waiting.values().next().value
    if (next === undefined) {
      this.#free += 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
