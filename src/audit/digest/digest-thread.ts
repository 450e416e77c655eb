import { startThread } from '../../thread.ts'
import { withStorableNumbers } from '../stored-record.ts'
import { TaskThread } from '../thread/task-thread.ts'
import type { StoredRecord, WritableRecord } from '../usage-record.ts'

/** Computes argument digests in a separate thread, which is started on first use, and again after it has ended. */
export class DigestThread {
  readonly #thread: TaskThread<readonly string[], readonly string[]>

  constructor({ key }: { key: Uint8Array }) {
    const start = (): ReturnType<typeof startThread> => startThread(import.meta, './digest-worker', { key })
    this.#thread = new TaskThread({ name: 'digest thread', start })
  }

  /**
   * The records as they are stored, in their order; those that have their digest keep it.
   * @throws Error when the thread fails or is closed
   */
  async digested(batch: readonly WritableRecord[]): Promise<StoredRecord[]> {
    const texts = batch.flatMap((record) => ('argumentsText' in record ? [record.argumentsText] : []))
    const digests = (texts.length === 0 ? [] : await this.#thread.run(texts)).values()
    return batch.map((record) => {
      if (!('argumentsText' in record)) return withStorableNumbers(record)
      const { argumentsText: _, ...rest } = record
      return withStorableNumbers({ ...rest, argumentsDigest: digests.next().value ?? '' })
    })
  }

  /** Ends the thread; what is under way fails. Idempotent. */
  async close(): Promise<void> {
    await this.#thread.close()
  }
}
