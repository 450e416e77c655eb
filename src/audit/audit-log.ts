import { randomBytes } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { AuditStore } from './audit-store.ts'
import { retryDelayMs } from './retry-delay.ts'
import type { PendingRecord } from './usage-record.ts'

/** Approximate size of a record without its arguments, in bytes. */
const RECORD_BYTES = 512

const WAIT_MS = 250
const WARN_EVERY_MS = 10_000

/** What an `AuditLog` needs: the store it writes to, and the bounds of its queue. */
export interface AuditLogOptions {
  readonly store: AuditStore
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Records that may wait, reserved ones included. */
  readonly queueLimit: number
  /** Memory that waiting records may take, in bytes; 64 MiB by default. */
  readonly queueByteLimit?: number
  /** Records of one write; 200 by default. */
  readonly batchSize?: number
  /** How long `settled()` waits, in milliseconds; 250 by default. */
  readonly waitMs?: number
  /** Called with the number of waiting records whenever it changes. */
  readonly onDepth?: (depth: number) => void
  /** Called whenever `settled()` did not wait until the records were written. */
  readonly onLate?: () => void
}

/**
 * Usage records on their way to the store: a bounded queue, written in order and one batch at a time; what comes
 * while one is written is the next. A batch that the store refuses is kept and tried again, so that a record is
 * neither lost nor doubled.
 */
export class AuditLog {
  readonly #store: AuditStore
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  readonly #limits: { readonly records: number; readonly bytes: number; readonly batch: number }
  readonly #waitMs: number
  readonly #onDepth: (depth: number) => void
  readonly #onLate: () => void
  #queue: PendingRecord[] = []
  #bytes = 0
  #reserved = 0
  #failures = 0
  #writing = false
  #cancelRetry: (() => void) | undefined
  #onEmpty: (() => void) | undefined
  /** Records queued and records written since the start. */
  #queued = 0
  #written = 0
  #waiting: { readonly upTo: number; readonly resolve: () => void }[] = []
  /** A wait ran out, and nothing has been written since. */
  #isLate = false
  #warnedAt = -Infinity
  #closing: Promise<void> | undefined
  #stopped = false

  constructor(options: AuditLogOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
    this.#limits = {
      records: options.queueLimit,
      bytes: options.queueByteLimit ?? 64 * 1024 * 1024,
      batch: options.batchSize ?? 200,
    }
    this.#waitMs = options.waitMs ?? WAIT_MS
    this.#onDepth = options.onDepth ?? (() => {})
    this.#onLate = options.onLate ?? (() => {})
  }

  /** Records that are not in the store yet. */
  get depth(): number {
    return this.#queue.length
  }

  /**
   * Reserves a place in the queue for a call about to run, until `record()` or `release()`.
   * @throws GatewayError `audit_unavailable` if the queue is full, so that no call runs that could not be recorded
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
    if (!hasPlace || this.#stopped) {
      this.#logger.error({ record: pending.id, tenant: pending.tenantId }, 'a usage record was dropped')
      return
    }
    this.#queue.push(pending)
    this.#queued += 1
    this.#bytes += sizeOf(pending)
    this.#onDepth(this.#queue.length)
    if (this.#failures === 0) void this.#writeAll()
  }

  /** Resolves once the store has the records given so far. While it fails that stays pending. */
  durable(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ upTo: this.#queued, resolve })
    return promise
  }

  /**
   * Resolves once the store has the records given so far, or when that takes longer than an answer may be held
   * back. From then on it resolves at once, until something is written: one slow call is enough to find out that the
   * store is slow.
   */
  async settled(): Promise<void> {
    if (!this.#isLate) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const cancel = this.#clock.after(this.#waitMs, () => resolve(false))
      void this.durable().then(() => resolve(true))
      const isInTime = await promise
      cancel()
      if (isInTime) return
      this.#isLate = true
    }
    this.#onLate()
    if (this.#clock.monotonic() - this.#warnedAt < WARN_EVERY_MS) return
    this.#warnedAt = this.#clock.monotonic()
    this.#logger.warn(
      { waiting: this.#queue.length },
      'calls are answered before their usage records are written; a killed gateway would lose the records',
    )
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
      void this.#writeAll()
      await promise
      cancel()
    }
    this.#stopped = true
    this.#cancelRetry?.()
    if (this.#queue.length > 0) throw new Error(`${this.#queue.length} usage records could not be written`)
  }

  /** Writes until the queue is empty or the store fails, then retries later. Never rejects. */
  async #writeAll(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    this.#cancelRetry?.()
    let isWritten = true
    while (isWritten && this.#queue.length > 0 && !this.#stopped) isWritten = await this.#writeBatch()
    this.#writing = false
    if (this.#stopped) return
    if (isWritten) this.#onEmpty?.()
    else
      this.#cancelRetry = this.#clock.after(
        retryDelayMs(this.#failures, this.#random),
        () => void this.#writeAll(),
      )
  }

  async #writeBatch(): Promise<boolean> {
    const batch = this.#queue.slice(0, this.#limits.batch)
    try {
      await this.#store.write(batch)
      this.#removed(batch)
      return true
    } catch (error) {
      this.#failures += 1
      this.#logger.error(
        { err: error, waiting: this.#queue.length },
        'usage records could not be written; trying again',
      )
      return false
    }
  }

  #removed(batch: readonly PendingRecord[]): void {
    if (this.#failures > 0) this.#logger.info('usage records can be written again')
    this.#failures = 0
    this.#isLate = false
    this.#queue = this.#queue.slice(batch.length)
    for (const record of batch) this.#bytes -= sizeOf(record)
    this.#written += batch.length
    const isWritten = ({ upTo }: { upTo: number }): boolean => upTo <= this.#written
    for (const { resolve } of this.#waiting.filter(isWritten)) resolve()
    this.#waiting = this.#waiting.filter((waiting) => !isWritten(waiting))
    this.#onDepth(this.#queue.length)
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
