import { type Clock, isWithin } from '../domain/clock.ts'

/** Records that are written together, and the one promise that all their calls wait for. */
export class RecordBatch {
  readonly #lines: string[] = []
  readonly #done = Promise.withResolvers<void>()
  #answering: Promise<void> | undefined
  #answers = 0
  #queuedBytes = 0

  get size(): number {
    return this.#lines.length
  }

  /** What its records were counted as while they waited. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  add(line: string, queuedBytes: number): void {
    this.#lines.push(line)
    this.#queuedBytes += queuedBytes
  }

  /** Its lines, as a file has them. */
  encode(): Buffer {
    return Buffer.from(`${this.#lines.join('\n')}\n`)
  }

  /** Resolves once it is written. */
  get written(): Promise<void> {
    return this.#done.promise
  }

  markWritten(): void {
    this.#done.resolve()
  }

  /**
   * Resolves once it is written, or `withinMs` after the first such wait for it; `onLate` of the first is then called
   * with how many waited.
   */
  writtenWithin(clock: Clock, withinMs: number, onLate: (answers: number) => void): Promise<void> {
    this.#answers += 1
    this.#answering ??= this.#answer(clock, withinMs, onLate)
    return this.#answering
  }

  async #answer(clock: Clock, withinMs: number, onLate: (answers: number) => void): Promise<void> {
    if (!(await isWithin(clock, this.written, withinMs))) onLate(this.#answers)
  }
}
