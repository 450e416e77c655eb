import { type Clock, isWithin } from '../domain/clock.ts'

/** Records that are written together, and the one promise that all their calls wait for. */
export class RecordBatch {
  readonly #lines: string[] = []
  readonly #done = Promise.withResolvers<void>()
  #answering: Promise<boolean> | undefined
  #answers = 0
  #queuedBytes = 0
  #since: number | undefined

  /** Monotonic milliseconds since which its first record waits. */
  get since(): number | undefined {
    return this.#since
  }

  get size(): number {
    return this.#lines.length
  }

  /** What its records were counted as while they waited. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** @param at monotonic milliseconds */
  add(line: string, queuedBytes: number, at: number): void {
    this.#since ??= at
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
