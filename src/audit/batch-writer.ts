import type { Clock } from '../domain/clock.ts'
import { RecordBatch } from './record-batch.ts'
import { WorkLoop, type WorkLoopOptions } from './work-loop.ts'

/** What a `BatchWriter` needs: where the lines go, and what it tells. */
export interface BatchWriterOptions extends Pick<WorkLoopOptions, 'onFailure' | 'onRecovery'> {
  /** Resolves once the lines outlive this process, however it ends. */
  readonly append: (lines: Buffer) => Promise<void>
  readonly onWritten: (batch: RecordBatch) => void
  readonly clock: Clock
  readonly random: () => number
  /** When a first line is written, so that others of the moment are with it: at the end of the turn by default. */
  readonly defer?: ((write: () => void) => void) | undefined
}

/**
 * Writes lines in their order, with one write at a time; what comes while one is under way is the next. A write that
 * fails is tried again with the same lines.
 */
export class BatchWriter {
  readonly #options: BatchWriterOptions
  readonly #loop: WorkLoop
  /** Takes what comes now; it is not being written yet. */
  #gathering = new RecordBatch()
  #writing: RecordBatch | undefined
  #isDeferred = false

  constructor(options: BatchWriterOptions) {
    this.#options = options
    this.#loop = new WorkLoop({ ...options, work: () => this.#writeNext() })
  }

  /** The batch of the newest line, until it is written. */
  get newest(): RecordBatch | undefined {
    return this.#gathering.size > 0 ? this.#gathering : this.#writing
  }

  /** Monotonic milliseconds since which the oldest line waits; undefined if none does. */
  get waitingSince(): number | undefined {
    return (this.#writing ?? this.#gathering).since
  }

  /** Has a line written, and returns what it is written with. */
  add(line: string, queuedBytes: number): RecordBatch {
    const batch = this.#gathering
    batch.add(line, queuedBytes, this.#options.clock.monotonic())
    this.#writeSoon()
    return batch
  }

  /** Tries at once what failed. */
  hurry(): void {
    this.#loop.hurry()
  }

  /** Begins no further write. Idempotent. */
  stop(): void {
    this.#loop.stop()
  }

  #writeSoon(): void {
    if (this.#isDeferred) return
    this.#isDeferred = true
    const { defer = setImmediate } = this.#options
    defer(() => {
      this.#isDeferred = false
      this.#loop.start()
    })
  }

  async #writeNext(): Promise<boolean> {
    const batch = (this.#writing ??= this.#takeGathered())
    if (batch === undefined) return false
    await this.#options.append(batch.encode())
    this.#writing = undefined
    this.#options.onWritten(batch)
    batch.markWritten()
    return this.#gathering.size > 0
  }

  #takeGathered(): RecordBatch | undefined {
    const batch = this.#gathering
    if (batch.size === 0) return undefined
    this.#gathering = new RecordBatch()
    return batch
  }
}
