import { SerialQueue } from './serial-queue.ts'

/** A `SerialQueue` for each key, which is kept only while there are tasks for it. */
export class SerialQueues<Key> {
  readonly #queues = new Map<Key, SerialQueue>()

  /** Keys with tasks that run or wait. */
  get size(): number {
    return this.#queues.size
  }

  /** Runs a task when those before it of the same key have settled; settles as the task does. */
  async run<T>(key: Key, task: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? new SerialQueue()
    this.#queues.set(key, queue)
    try {
      return await queue.run(task)
    } finally {
      if (queue.isIdle) this.#queues.delete(key)
    }
  }
}
