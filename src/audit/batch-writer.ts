import { afterLimit, type Clock, isWithin } from '../domain/clock.ts'
import { encodeLines } from './record-lines.ts'
import { WorkLoop, type WorkLoopOptions } from './work-loop.ts'

/** A record that waits longer than this for the disk shows that there will be more. */
const LATE_AFTER_MS = 1000

/** Serializes one line. It is called when the batch is written: a loop over all lines has its code in the processor's caches. */
export type MakeLine = () => string

/** Records that are written together, and the one promise that all their calls wait for. */
export class RecordBatch {
  readonly #lines: MakeLine[] = []
  #encoded: Buffer | undefined
  readonly #done = Promise.withResolvers<void>()
  #answering: Promise<boolean> | undefined
  #answers = 0
  #queuedBytes = 0
  #isLate = false
  #cancelLimit: (() => void) | undefined

  /** Whether its first record waits for too long. */
  get isLate(): boolean {
    return this.#isLate
  }

  get size(): number {
    return this.#lines.length
  }

  /** What its records were counted as while they waited. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  add(line: MakeLine, queuedBytes: number, clock: Clock): void {
    this.#cancelLimit ??= afterLimit(clock, LATE_AFTER_MS, () => (this.#isLate = true))
    this.#lines.push(line)
    this.#queuedBytes += queuedBytes
  }

  /** The lines in UTF-8, serialized once: a retry writes the same bytes. */
  encode(): Buffer {
    this.#encoded ??= encodeLines(this.#lines.map((line) => line()))
    return this.#encoded
  }

  /** Resolves once it is written. */
  get written(): Promise<void> {
    return this.#done.promise
  }

  markWritten(): void {
    this.#cancelLimit?.()
    this.#done.resolve()
  }

  /**
   * Resolves with whether it was written within `withinMs` of the first such wait for it; if not, `onLate` of the first
   * is called with how many waited.
   */
  writtenWithin(clock: Clock, withinMs: number, onLate: (answers: number) => void): Promise<boolean> {
    this.#answers += 1
    this.#answering ??= this.#answer(clock, withinMs, onLate)
    return this.#answering
  }

  async #answer(clock: Clock, withinMs: number, onLate: (answers: number) => void): Promise<boolean> {
    const isWritten = await isWithin(clock, this.written, withinMs)
    if (!isWritten) onLate(this.#answers)
    return isWritten
  }
}

/** What a `BatchWriter` needs: where the lines go, and what it tells. */
export interface BatchWriterOptions extends Pick<WorkLoopOptions, 'onFailure' | 'onRecovery'> {
  /** Resolves once the lines outlive this process, however it ends. */
  readonly append: (lines: Buffer) => Promise<void>
  readonly onWritten: (batch: RecordBatch) => void
  readonly clock: Clock
  readonly random: () => number
  /** Calls back at the end of the turn of the event loop, or when a test wants it. */
  readonly defer?: ((write: () => void) => void) | undefined
  /** How many calls are in flight whose lines will come; unknown by default, so that all gather for one turn. */
  readonly expected?: () => number
}

/** A write costs as much as the lines of several calls, so that a busy loop gathers them for so many turns. */
const MAX_TURNS = 4

/**
 * Writes lines in their order, with one write at a time; what comes while one is under way is the next. A line that comes
 * when none is expected is written at once; others gather until a turn of the event loop has brought nothing more, none is
 * expected, or a few turns are over. A write that fails is tried again with the same lines.
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

  /** Whether the oldest line waits for more than a second. */
  get isLate(): boolean {
    return (this.#writing ?? this.#gathering).isLate
  }

  /**
   * Has a line written, and returns what it is written with.
   * @param line called when it is about to be written; must not throw
   */
  add(line: MakeLine, queuedBytes: number): RecordBatch {
    const batch = this.#gathering
    batch.add(line, queuedBytes, this.#options.clock)
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
    // After a write comes the next one.
    if (this.#isDeferred || this.#writing !== undefined) return
    // A lone caller would wait a turn for nothing.
    if (this.#options.expected?.() === 0) return this.#loop.start()
    this.#isDeferred = true
    this.#gather(1, 0)
  }

  #gather(turn: number, before: number): void {
    const { defer = setImmediate, expected } = this.#options
    defer(() => {
      const { size } = this.#gathering
      const isFilling = size > before && expected !== undefined && expected() > 0
      if (isFilling && turn < MAX_TURNS) return this.#gather(turn + 1, size)
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
    if (this.#gathering.size > 0) this.#writeSoon()
    return false
  }

  #takeGathered(): RecordBatch | undefined {
    const batch = this.#gathering
    if (batch.size === 0) return undefined
    this.#gathering = new RecordBatch()
    return batch
  }
}

/** How many records may wait, and how much memory they may take; room is reserved before there is a record. */
export class QueueCapacity {
  readonly #recordLimit: number
  readonly #byteLimit: number
  #reserved = 0
  #records = 0
  #bytes = 0

  constructor(options: { recordLimit: number; byteLimit: number }) {
    this.#recordLimit = options.recordLimit
    this.#byteLimit = options.byteLimit
  }

  /** Records that wait. */
  get records(): number {
    return this.#records
  }

  /** Calls that will have a record. */
  get reserved(): number {
    return this.#reserved
  }

  get isFull(): boolean {
    return this.#records + this.#reserved >= this.#recordLimit || this.#bytes >= this.#byteLimit
  }

  reserve(): void {
    this.#reserved += 1
  }

  /** Gives a reservation back. Returns whether there was one. */
  release(): boolean {
    const hadOne = this.#reserved > 0
    if (hadOne) this.#reserved -= 1
    return hadOne
  }

  /** A record waits from now on. */
  take(bytes: number): void {
    this.#records += 1
    this.#bytes += bytes
  }

  /** Records do not wait any longer. */
  free(records: number, bytes: number): void {
    this.#records -= records
    this.#bytes -= bytes
  }
}
