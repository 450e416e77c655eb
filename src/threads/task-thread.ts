import type { Worker } from 'node:worker_threads'
import { TransientMap } from '../domain/concurrency/transient-map.ts'

/** Message to a thread: a task, under the `id` that its answer repeats. */
export interface TaskMessage<Task> {
  readonly id: number
  readonly task: Task
}

/** What came of the task of the same `id`: a result, or why there is none. */
export type AnswerMessage<Result> =
  { readonly id: number; readonly result: Result } | { readonly id: number; readonly error: string }

interface Waiting<Result> {
  readonly resolve: (result: Result) => void
  readonly reject: (error: Error) => void
}

/**
 * Has tasks done in a separate thread, which is started with the first of them, and again with the next after it has
 * ended. What was under way then fails.
 */
export class TaskThread<Task, Result> {
  readonly #name: string
  readonly #start: () => Worker
  readonly #waiting = new TransientMap<number, Waiting<Result>>()
  #worker: Worker | undefined
  #lastId = 0
  #isClosed = false

  /** @param options.name what errors call it */
  constructor(options: { name: string; start: () => Worker }) {
    this.#name = options.name
    this.#start = options.start
  }

  /**
   * @param transferred what the thread has from then on, and this one no longer
   * @throws Error when the task failed, or the thread has ended or is closed
   */
  async run(task: Task, transferred: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.#isClosed) throw new Error(`the ${this.#name} is closed`)
    return await this.#send(task, transferred)
  }

  /** Ends the thread after its `last` task; without one at once, and what is under way fails. Idempotent. */
  async close(last?: Task): Promise<void> {
    const isFirst = !this.#isClosed
    this.#isClosed = true
    if (this.#worker === undefined) return
    // A thread that has failed has nothing left to end.
    if (isFirst && last !== undefined) await this.#send(last).catch(() => undefined)
    await this.#worker?.terminate()
  }

  #send(task: Task, transferred: readonly ArrayBuffer[] = []): Promise<Result> {
    const worker = (this.#worker ??= this.#started())
    this.#lastId += 1
    const message: TaskMessage<Task> = { id: this.#lastId, task }
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    worker.postMessage(message, transferred)
    this.#waiting.set(message.id, { resolve, reject })
    return promise
  }

  #started(): Worker {
    const worker = this.#start()
    worker.on('message', (message: AnswerMessage<Result>) => this.#settle(message))
    worker.on('error', (cause) => this.#end(worker, new Error(`the ${this.#name} failed`, { cause })))
    worker.on('exit', () => this.#end(worker, new Error(`the ${this.#name} ended`)))
    return worker
  }

  #settle(message: AnswerMessage<Result>): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if ('error' in message) waiting?.reject(new Error(message.error))
    else waiting?.resolve(message.result)
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
