import { type Clock, isWithin } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { BatchWriter, QueueCapacity, RecordBatch } from './batch-writer.ts'
import type { Digester } from './digest/digester.ts'
import { LateAnswers } from './late-answers.ts'
import { lineOf } from './record-line.ts'
import { storedRecord } from './stored-record.ts'
import type { PendingRecord } from './usage-record.ts'

/** Approximate size of a record without its arguments, in bytes. */
const RECORD_BYTES = 512
const BYTE_LIMIT = 64 * 1024 * 1024
/** After this a client may try again where records cannot be written. */
const RETRY_AFTER_MS = 1000
const WRITTEN = Promise.resolve(true)

/** What an `AuditLog` needs: where it appends, and the bounds of its queue. */
export interface AuditLogOptions {
  /** The file of lines: it has them once it resolves, however this process ends. */
  readonly spool: { append(lines: Buffer): Promise<void>; readonly isFull: boolean }
  readonly digester: Pick<Digester, 'begin'>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Records that may wait to be appended, reserved ones included. */
  readonly queueLimit: number
  /** Memory that waiting records may take, in bytes; 64 MiB by default. */
  readonly queueByteLimit?: number
  /** See `BatchWriter`. */
  readonly defer?: (write: () => void) => void
  /** Called when records were appended. */
  readonly onAppended?: () => void
  /** Called with the number of calls that were answered with an error because their records were not appended in time. */
  readonly onLate?: (answers: number) => void
}

/** Usage records on their way to the spool: a bounded queue, from which no record is lost while the disk fails. */
export class AuditLog {
  readonly #options: AuditLogOptions
  readonly #capacity: QueueCapacity
  readonly #writer: BatchWriter
  readonly #late: LateAnswers
  /** Resolves once all records so far have their digests. */
  #digested: Promise<unknown> = Promise.resolve()
  /** What the newest record will be in, if its digest is not ready. */
  #newest: Promise<RecordBatch> | undefined
  #closing: Promise<void> | undefined
  #isStopped = false

  constructor(options: AuditLogOptions) {
    const { spool, logger, queueLimit: recordLimit, queueByteLimit: byteLimit = BYTE_LIMIT } = options
    this.#options = options
    this.#capacity = new QueueCapacity({ recordLimit, byteLimit })
    this.#late = new LateAnswers(options)
    this.#writer = new BatchWriter({
      ...options,
      append: (lines) => spool.append(lines),
      expected: () => this.#capacity.reserved,
      onWritten: (batch) => this.#written(batch),
      onFailure: (err) =>
        logger.error({ err, waiting: this.depth }, 'usage records could not be written; trying again'),
      onRecovery: () => logger.info('usage records can be written again'),
    })
  }

  /** Records that are not in the spool yet. */
  get depth(): number {
    return this.#capacity.records
  }

  /**
   * Reserves a place in the queue for a call about to run, until `record()` or `release()`.
   * @throws GatewayError `audit_unavailable` if queue or spool are full, so that no call runs that could not be recorded,
   * if records wait for more than a second, so that answers do not come later and later, or if the log is closing
   */
  reserve(): void {
    if (this.#isFull() || this.#writer.isLate || this.#closing !== undefined)
      throw new GatewayError('audit_unavailable', undefined, { facts: { retryAfterMs: RETRY_AFTER_MS } })
    this.#capacity.reserve()
  }

  /** Gives back a place for which there will be no record. */
  release(): void {
    this.#capacity.release()
  }

  /** Queues a record, into a reserved place if there is one, and has it written. Never throws. */
  record(pending: PendingRecord): void {
    const hasPlace = this.#capacity.release() || !this.#isFull()
    if (!hasPlace || this.#isStopped) {
      const facts = { record: pending.id, tenant: pending.tenantId }
      this.#options.logger.error(facts, 'a usage record was dropped')
      return
    }
    this.#capacity.take(sizeOf(pending))
    const digest = this.#options.digester.begin(pending.argumentsText, pending.isCanonical)
    this.#newest = typeof digest === 'function' ? undefined : this.#gatherLater(pending, digest)
    if (typeof digest === 'function') this.#gather(pending, digest)
  }

  /** Resolves once the records given so far are in the spool. */
  async flush(): Promise<void> {
    await this.#digested
    await this.#writer.newest?.written
  }

  /**
   * Resolves once the record of the call that recorded last is in the spool, or after `withinMs`, which those share that
   * wait for the same write; with whether it is there.
   */
  flushWithin(withinMs: number): Promise<boolean> {
    if (this.depth === 0) return WRITTEN
    const onLate = (answers: number): void => this.#late.count(answers, this.depth)
    const write = this.#newest ?? this.#writer.newest
    if (write instanceof RecordBatch) return write.writtenWithin(this.#options.clock, withinMs, onLate)
    return write === undefined ? WRITTEN : this.#digestedWithin(write, withinMs)
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
    return this.#options.spool.isFull || this.#capacity.isFull
  }

  #gather(pending: PendingRecord, digest: () => string): RecordBatch {
    return this.#writer.add(() => lineOf(storedRecord(pending, digest())), sizeOf(pending))
  }

  #gatherLater(pending: PendingRecord, digest: Promise<string>): Promise<RecordBatch> {
    const gathered = digest.then((ready) => this.#gather(pending, () => ready))
    this.#digested = Promise.all([this.#digested, gathered])
    return gathered
  }

  #written(batch: RecordBatch): void {
    this.#capacity.free(batch.size, batch.queuedBytes)
    this.#options.onAppended?.()
  }

  async #digestedWithin(batch: Promise<RecordBatch>, withinMs: number): Promise<boolean> {
    const isWritten = await isWithin(
      this.#options.clock,
      batch.then((of) => of.written),
      withinMs,
    )
    if (!isWritten) this.#late.count(1, this.depth)
    return isWritten
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#writer.hurry()
    if (this.depth > 0) await isWithin(this.#options.clock, this.#emptied(), deadlineMs)
    this.#isStopped = true
    this.#writer.stop()
    if (this.depth > 0) throw new Error(`${this.depth} usage records could not be written`)
  }

  async #emptied(): Promise<void> {
    while (this.depth > 0) await this.flush()
  }
}

function sizeOf(record: PendingRecord): number {
  return RECORD_BYTES + record.argumentsText.length
}
