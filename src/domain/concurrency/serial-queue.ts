/** Runs tasks one after the other, in order, even if some fail. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0

  /** Whether no task runs or waits. */
  get isIdle(): boolean {
    return this.#pending === 0
  }

  /** Runs a task when those before it have settled; settles as the task does. */
  run<T>(task: () => Promise<T>): Promise<T> {
    this.#pending += 1
    const result = this.#last.then(task).finally(() => (this.#pending -= 1))
    this.#last = result.catch(() => undefined)
    return result
  }
}
