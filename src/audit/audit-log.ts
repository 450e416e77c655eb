import { randomBytes } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { AuditStore } from './audit-store.ts'
import type { PendingRecord } from './usage-record.ts'

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5000
/** What a record takes beside its arguments, roughly. */
const RECORD_BYTES = 512

export interface AuditLogOptions {
  readonly store: AuditStore
  readonly clock: Clock
  readonly logger: Logger
  /** Records that may wait, reserved ones included. */
  readonly queueLimit: number
  /** Memory that waiting records may take, in bytes; 64 MiB by default. */
  readonly queueByteLimit?: number
  /** How long a record waits for others to be written with it; 50 ms by default. */
  readonly flushMs?: number
  /** Records of one write; 200 by default. */
  readonly batchSize?: number
  /** Called with the number of waiting records whenever it changes. */
  readonly onDepth?: (depth: number) => void
}

/**
 * Usage records on their way to the store: a bounded queue, written in order and one batch at a time. A batch that
 * the store refuses is kept and tried again, so that a record is neither lost nor doubled.
 */
export class AuditLog {
  readonly #store: AuditStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #limits: { readonly records: number; readonly bytes: number; readonly batch: number }
  readonly #flushMs: number
  readonly #onDepth: (depth: number) => void
  #queue: PendingRecord[] = []
  #bytes = 0
  #reserved = 0
  #backoffMs = 0
  #writing = false
  #cancelTimer: (() => void) | undefined
  #onEmpty: (() => void) | undefined
  /** Records queued and records written since the start. */
  #queued = 0
  #written = 0
  #impatient: { readonly upTo: number; readonly resolve: () => void }[] = []
  #closing: Promise<void> | undefined
  #stopped = false

  constructor(options: AuditLogOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#logger = options.logger
    this.#limits = {
      records: options.queueLimit,
      bytes: options.queueByteLimit ?? 64 * 1024 * 1024,
      batch: options.batchSize ?? 200,
    }
    this.#flushMs = options.flushMs ?? 50
    this.#onDepth = options.onDepth ?? (() => {})
  }

  /** Records that are not durable yet. */
  get depth(): number {
    return this.#queue.length
  }

  /**
   * Keeps a place in the queue for what is about to be executed, until `record()` or `release()`.
   * @throws GatewayError `audit_unavailable` when there is no place, so that nothing runs that could not be recorded
   */
  reserve(): void {
    if (this.#isFull() || this.#closing !== undefined) throw new GatewayError('audit_unavailable')
    this.#reserved += 1
  }

  /** Gives back a place for which there will be no record. */
  release(): void {
    if (this.#reserved > 0) this.#reserved -= 1
  }

  /** Queues a record, into a reserved place if there is one. Never throws; the write comes later. */
  record(pending: PendingRecord): void {
    const hasPlace = this.#reserved > 0 || !this.#isFull()
    this.release()
    if (!hasPlace || this.#stopped) {
      this.#logger.error({ record: pending.id, tenant: pending.tenantId }, 'a usage record was dropped')
      return
    }
    this.#queue.push(pending)
    this.#queued += 1
    this.#bytes += sizeOf(pending)
    this.#onDepth(this.#queue.length)
    if (this.#writing || this.#backoffMs > 0) return
    this.#schedule(this.#queue.length >= this.#limits.batch ? 0 : this.#flushMs)
  }

  /**
   * Resolves once the records given so far are in the store, which is asked at once instead of with the next batch.
   * While the store fails it stays pending: race it with a deadline.
   */
  durable(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#impatient.push({ upTo: this.#queued, resolve })
    if (!this.#writing && this.#backoffMs === 0) {
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
      void this.#writeBatch()
    }
    return promise
  }

  /**
   * Takes no more reservations and writes what is queued. The store stays open. Idempotent.
   * @throws Error when records are left after `deadlineMs`
   */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#drain(deadlineMs)
    return this.#closing
  }

  #isFull(): boolean {
    if (this.#store.isFull?.() === true) return true
    return this.#queue.length + this.#reserved >= this.#limits.records || this.#bytes >= this.#limits.bytes
  }

  async #drain(deadlineMs: number): Promise<void> {
    if (this.#queue.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const cancel = this.#clock.after(deadlineMs, resolve)
      this.#onEmpty = resolve
      if (!this.#writing) this.#schedule(0)
      await promise
      cancel()
    }
    this.#stopped = true
    this.#cancelTimer?.()
    if (this.#queue.length > 0) throw new Error(`${this.#queue.length} usage records could not be written`)
  }

  /** One timer at a time; an earlier time replaces a later one. */
  #schedule(delayMs: number): void {
    if (this.#cancelTimer !== undefined && delayMs > 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = undefined
      void this.#writeBatch()
    })
  }

  /** Never rejects. */
  async #writeBatch(): Promise<void> {
    if (this.#writing || this.#stopped || this.#queue.length === 0) return
    this.#writing = true
    const batch = this.#queue.slice(0, this.#limits.batch)
    try {
      await this.#store.write(batch)
      this.#removed(batch)
    } catch (error) {
      this.#backoffMs = Math.min(Math.max(this.#backoffMs * 2, FIRST_BACKOFF_MS), MAX_BACKOFF_MS)
      this.#logger.error(
        { err: error, waiting: this.#queue.length },
        'usage records could not be written; trying again',
      )
    }
    this.#writing = false
    if (this.#stopped) return
    if (this.#queue.length === 0) this.#onEmpty?.()
    else this.#schedule(this.#backoffMs || this.#pauseMs())
  }

  #removed(batch: readonly PendingRecord[]): void {
    if (this.#backoffMs > 0) this.#logger.info('usage records are written again')
    this.#backoffMs = 0
    this.#queue = this.#queue.slice(batch.length)
    for (const record of batch) this.#bytes -= sizeOf(record)
    this.#written += batch.length
    const isWritten = ({ upTo }: { upTo: number }): boolean => upTo <= this.#written
    for (const { resolve } of this.#impatient.filter(isWritten)) resolve()
    this.#impatient = this.#impatient.filter((waiting) => !isWritten(waiting))
    this.#onDepth(this.#queue.length)
  }

  /** A full batch, a record that somebody waits for, or a gateway that is stopping does not wait for more. */
  #pauseMs(): number {
    const isFull = this.#queue.length >= this.#limits.batch
    return isFull || this.#impatient.length > 0 || this.#closing !== undefined ? 0 : this.#flushMs
  }
}

function sizeOf(record: PendingRecord): number {
  return RECORD_BYTES + record.argumentsText.length
}

const processId = randomBytes(8).toString('hex')
let issued = 0

/** An id for a record of an attempt at `nowMs`: unique across processes, and sorting by time, then by order. */
export function newRecordId(nowMs: number): string {
  issued = (issued + 1) % 0x1000000
  return `${nowMs.toString(16).padStart(12, '0')}-${issued.toString(16).padStart(6, '0')}-${processId}`
}
