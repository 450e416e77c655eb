/** Runs tasks in order, each in its own turn of the event loop, so that what one has led to is over before the next. */
export class OneATurn {
  readonly #waiting: (() => void)[] = []

  run(task: () => void): void {
    this.#waiting.push(task)
    if (this.#waiting.length === 1) this.#runLater()
  }

  #runLater(): void {
    setImmediate(() => {
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#runLater()
    })
  }
}

/** The messages of all servers that take much memory as values: one can be used and left before the next one is read. */
export const heavyValues = new OneATurn()
