import type { Worker } from 'node:worker_threads'
import { messageOf } from '../../domain/errors/errors.ts'
import { startThread } from '../../thread.ts'
import type { AnswerMessage, Result, Task, TaskMessage } from './sqlite-protocol.ts'

/** Which database, and the key of its argument digests. */
export interface ThreadOptions {
  readonly path: string
  readonly digestKey: Uint8Array
}

interface Waiting {
  readonly resolve: (result: Result) => void
  readonly reject: (error: Error) => void
}

/** A thread with the audit database open, until it ends by itself or is closed. */
export class SqliteThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #ended: Error | undefined

  private constructor(options: ThreadOptions) {
    this.#worker = startThread(import.meta, './sqlite-worker', options)
    this.#worker.on('message', (message: AnswerMessage) => this.#settle(message))
    this.#worker.on('error', (cause) => this.#end(new Error('the audit thread failed', { cause })))
    this.#worker.on('exit', () => this.#end(new Error('the audit thread ended')))
  }

  /** @throws Error when the database cannot be opened */
  static async start(options: ThreadOptions): Promise<SqliteThread> {
    const thread = new SqliteThread(options)
    try {
      await new Promise((resolve, reject) => thread.#waiting.set(0, { resolve, reject }))
      return thread
    } catch (cause) {
      await thread.terminate()
      throw new Error(`the audit database ${options.path} cannot be opened: ${messageOf(cause)}`, { cause })
    }
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  /** @throws Error when the task failed or the thread has ended */
  async run(task: Task): Promise<Result> {
    if (this.#ended !== undefined) throw this.#ended
    this.#lastId += 1
    const message: TaskMessage = { id: this.#lastId, task }
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    this.#worker.postMessage(message, [])
    this.#waiting.set(message.id, { resolve, reject })
    return await promise
  }

  /** Closes the database after the tasks before it. Idempotent. */
  async close(): Promise<void> {
    // A thread that has failed has nothing left to close.
    await this.run({ kind: 'close' }).catch(() => undefined)
    await this.terminate()
  }

  /** Ends the thread at once; tasks under way fail. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.error === undefined) waiting?.resolve(message.result)
    else waiting?.reject(new Error(message.error))
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }
}
