import { type Clock, isWithin } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { LateAnswers } from './late-answers.ts'
import { RecordBatch } from './record-batch.ts'
import { lineOf } from './record-line.ts'
import { storedRecord } from './stored-record.ts'
import type { PendingRecord } from './usage-record.ts'
import { WorkLoop } from './work-loop.ts'

/** Approximate size of a record without its arguments, in bytes. */
const RECORD_BYTES = 512

/** What an `AuditLog` needs: where it appends, and the bounds of its queue. */
export interface AuditLogOptions {
  /** The file of lines: it has them once it resolves, however this process ends. */
  readonly spool: { append(lines: Buffer): Promise<void>; isFull(): boolean }
  readonly digester: { digestOf(argumentsText: string): string | Promise<string> }
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Records that may wait to be appended, reserved ones included. */
  readonly queueLimit: number
  /** Memory that waiting records may take, in bytes; 64 MiB by default. */
  readonly queueByteLimit?: number
  /** When a first record is written, so that others of the moment are with it: at the end of the turn by default. */
  readonly defer?: (write: () => void) => void
  /** Called when records were appended. */
  readonly onAppended?: () => void
  /** Called with the number of answers that did not wait until their records were appended. */
  readonly onLate?: (answers: number) => void
}

/**
 * Usage records on their way to the spool: a bounded queue, appended with one write at a time; what comes while one is
 * under way is the next. A write that fails is tried again, so that no record is lost.
 */
export class AuditLog {
  readonly #options: AuditLogOptions
  readonly #byteLimit: number
  readonly #loop: WorkLoop
  readonly #late: LateAnswers
  /** Takes what is recorded now; it is not being written yet. */
  #gathering = new RecordBatch()
  #writing: RecordBatch | undefined
  #isDeferred = false
  #reserved = 0
  #depth = 0
  #bytes = 0
  /** Records whose digests are not ready, and when all of them are. */
  #digesting = 0
  #digested: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
  #isStopped = false

  constructor(options: AuditLogOptions) {
    this.#options = options
    this.#byteLimit = options.queueByteLimit ?? 64 * 1024 * 1024
    this.#late = new LateAnswers(options)
    this.#loop = new WorkLoop({
      ...options,
      work: () => this.#writeNext(),
      onFailure: (err) =>
        options.logger.error(
          { err, waiting: this.#depth },
          'usage records could not be written; trying again',
        ),
      onRecovery: () => options.logger.info('usage records can be written again'),
    })
  }

  /** Records that are not in the spool yet. */
  get depth(): number {
    return this.#depth
  }

  /**
   * Reserves a place in the queue for a call about to run, until `record()` or `release()`.
   * @throws GatewayError `audit_unavailable` if queue or spool are full, so that no call runs that could not be recorded
   */
  reserve(): void {
    if (this.#isFull() || this.#closing !== undefined) throw new GatewayError('audit_unavailable')
    this.#reserved += 1
  }

  /** Gives back a place for which there will be no record. */
  release(): void {
    if (this.#reserved > 0) this.#reserved -= 1
  }

  /** Queues a record, into a reserved place if there is one, and has it written. Never throws. */
  record(pending: PendingRecord): void {
    const hasPlace = this.#reserved > 0 || !this.#isFull()
    this.release()
    if (!hasPlace || this.#isStopped) {
      const facts = { record: pending.id, tenant: pending.tenantId }
      this.#options.logger.error(facts, 'a usage record was dropped')
      return
    }
    this.#depth += 1
    this.#bytes += sizeOf(pending)
    const digest = this.#options.digester.digestOf(pending.argumentsText)
    if (typeof digest === 'string') this.#gather(pending, digest)
    else this.#gatherLater(pending, digest)
  }

  /**
   * Resolves once the records given so far are in the spool. With `withinMs` it resolves after that time in any case,
   * which those share that wait for the same write; and from then on at once, until something is written: one slow
   * answer is enough to find out that the disk is slow.
   */
  flush(withinMs?: number): Promise<void> {
    if (withinMs === undefined) return this.#flushed()
    if (this.#depth === 0) return Promise.resolve()
    if (!this.#late.isLate) return this.#flushedWithin(withinMs)
    this.#late.count(1, this.#depth)
    return Promise.resolve()
  }

  /**
   * Takes no more reservations and writes what is queued. Idempotent.
   * @throws Error when records are left after `deadlineMs`
   */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#drain(deadlineMs)
    return this.#closing
  }

  #isFull(): boolean {
    const { spool, queueLimit } = this.#options
    return spool.isFull() || this.#depth + this.#reserved >= queueLimit || this.#bytes >= this.#byteLimit
  }

  #gather(pending: PendingRecord, digest: string): void {
    this.#gathering.add(lineOf(storedRecord(pending, digest)), sizeOf(pending))
    if (this.#isDeferred) return
    this.#isDeferred = true
    const { defer = setImmediate } = this.#options
    defer(() => {
      this.#isDeferred = false
      this.#loop.start()
    })
  }

  #gatherLater(pending: PendingRecord, digest: Promise<string>): void {
    const gather = async (): Promise<void> => {
      const ready = await digest
      this.#digesting -= 1
      this.#gather(pending, ready)
    }
    this.#digesting += 1
    this.#digested = Promise.all([this.#digested, gather()])
  }

  async #writeNext(): Promise<boolean> {
    const batch = (this.#writing ??= this.#takeGathered())
    if (batch === undefined) return false
    await this.#options.spool.append(batch.encode())
    this.#writing = undefined
    this.#late.reset()
    this.#depth -= batch.size
    this.#bytes -= batch.queuedBytes
    batch.markWritten()
    this.#options.onAppended?.()
    return this.#gathering.size > 0
  }

  #takeGathered(): RecordBatch | undefined {
    const batch = this.#gathering
    if (batch.size === 0 || this.#isStopped) return undefined
    this.#gathering = new RecordBatch()
    return batch
  }

  /** What the newest record is in, unless its digest is not ready. */
  #lastBatch(): RecordBatch | undefined {
    return this.#gathering.size > 0 ? this.#gathering : this.#writing
  }

  async #flushed(): Promise<void> {
    if (this.#digesting > 0) await this.#digested
    await this.#lastBatch()?.written
  }

  #flushedWithin(withinMs: number): Promise<void> {
    const { clock } = this.#options
    const onLate = (answers: number): void => this.#late.count(answers, this.#depth)
    const batch = this.#lastBatch()
    if (this.#digesting === 0 && batch !== undefined) return batch.writtenWithin(clock, withinMs, onLate)
    return this.#digestedWithin(withinMs, onLate)
  }

  async #digestedWithin(withinMs: number, onLate: (answers: number) => void): Promise<void> {
    if (!(await isWithin(this.#options.clock, this.#flushed(), withinMs))) onLate(1)
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#loop.hurry()
    if (this.#depth > 0) await isWithin(this.#options.clock, this.#emptied(), deadlineMs)
    this.#isStopped = true
    this.#loop.stop()
    if (this.#depth > 0) throw new Error(`${this.#depth} usage records could not be written`)
  }

  async #emptied(): Promise<void> {
    while (this.#depth > 0) await this.#flushed()
  }
}

function sizeOf(record: PendingRecord): number {
  return RECORD_BYTES + record.argumentsText.length
}
