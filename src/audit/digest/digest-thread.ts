import type { Worker } from 'node:worker_threads'
import { startThread } from '../../thread.ts'
import { withStorableNumbers } from '../stored-record.ts'
import type { StoredRecord, WritableRecord } from '../usage-record.ts'

/** Message to the thread: the texts whose digests are wanted. */
export interface DigestTask {
  readonly id: number
  readonly texts: readonly string[]
}

/** Message from the thread: the digest of each text of the task with the same `id`, in the same order. */
export interface DigestAnswer {
  readonly id: number
  readonly digests: readonly string[]
}

interface Waiting {
  readonly resolve: (digests: readonly string[]) => void
  readonly reject: (error: Error) => void
}

/** Computes argument digests in a separate thread, which is started on first use, and again after it has ended. */
export class DigestThread {
  readonly #key: Uint8Array
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #lastId = 0
  #isClosed = false

  constructor(options: { key: Uint8Array }) {
    this.#key = options.key
  }

  /**
   * The records as they are stored, in their order; those that have their digest keep it.
   * @throws Error when the thread fails or is closed
   */
  async digested(batch: readonly WritableRecord[]): Promise<StoredRecord[]> {
    const texts = batch.flatMap((record) => ('argumentsText' in record ? [record.argumentsText] : []))
    const digests = (texts.length === 0 ? [] : await this.#digests(texts)).values()
    return batch.map((record) => {
      if (!('argumentsText' in record)) return withStorableNumbers(record)
      const { argumentsText: _, ...rest } = record
      return withStorableNumbers({ ...rest, argumentsDigest: digests.next().value ?? '' })
    })
  }

  /** Ends the thread; what is under way fails. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
  }

  #digests(texts: readonly string[]): Promise<readonly string[]> {
    if (this.#isClosed) return Promise.reject(new Error('the digest thread is closed'))
    const worker = (this.#worker ??= this.#start())
    this.#lastId += 1
    const task: DigestTask = { id: this.#lastId, texts }
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
    this.#waiting.set(task.id, { resolve, reject })
    worker.postMessage(task, [])
    return promise
  }

  #start(): Worker {
    const worker = startThread(import.meta, './digest-worker', { key: this.#key })
    worker.on('message', ({ id, digests }: DigestAnswer) => {
      this.#waiting.get(id)?.resolve(digests)
      this.#waiting.delete(id)
    })
    worker.on('error', (cause) => this.#end(worker, new Error('the digest thread failed', { cause })))
    worker.on('exit', () => this.#end(worker, new Error('the digest thread ended')))
    return worker
  }

  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
