import { type Clock, isWithin } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AuditStore } from '../audit-store.ts'
import type { RecordLines } from '../record-lines.ts'
import { RecordsRefusedError } from '../records-refused.ts'
import { WorkLoop } from '../work-loop.ts'
import type { Spool, SpooledBatch } from './spool.ts'

const DELAY_MS = 200
const BATCH_SIZE = 200

/** What a `Delivery` needs: from where to where, and in which portions. */
export interface DeliveryOptions {
  readonly spool: Spool
  /** Where the records go in the end. It must keep a record that it gets twice once. */
  readonly store: Pick<AuditStore, 'write' | 'batchSize'>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Records of one delivery; what the store takes best by default. */
  readonly batchSize?: number
  /** How long records gather before they are delivered, in milliseconds; 200 by default. */
  readonly delayMs?: number
  /** Called when the store has taken records. */
  readonly onDelivered?: (lines: RecordLines) => void
}

/** The one writer of a store: takes records from the spool, and removes from it what the store has. */
export class Delivery {
  readonly #spool: Spool
  readonly #store: Pick<AuditStore, 'write' | 'batchSize'>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #batchSize: number
  readonly #delayMs: number
  readonly #loop: WorkLoop
  readonly #onDelivered: DeliveryOptions['onDelivered']
  #cancelDelay: (() => void) | undefined
  /** Up to which byte of the spool it delivers before records gather again. */
  #upTo = 0
  #waiting: { readonly upTo: number; readonly resolve: () => void }[] = []
  #isStopped = false

  constructor(options: DeliveryOptions) {
    this.#spool = options.spool
    this.#store = options.store
    this.#clock = options.clock
    this.#logger = options.logger
    this.#batchSize = options.batchSize ?? options.store.batchSize ?? BATCH_SIZE
    this.#onDelivered = options.onDelivered
    this.#delayMs = options.delayMs ?? DELAY_MS
    this.#loop = new WorkLoop({
      ...options,
      work: () => this.#deliverNext(),
      onFailure: (error) => this.#failed(error),
      onRecovery: () => this.#logger.info('usage records in the spool are delivered again'),
    })
  }

  /** Whether the store took the last delivery. */
  get isDelivering(): boolean {
    return !this.#loop.isFailing
  }

  /** Records were appended to the spool. */
  soon(): void {
    if (this.#isStopped) return
    this.#cancelDelay ??= this.#clock.after(this.#delayMs, () => this.#now())
  }

  /** Resolves once the store has what is in the spool now, or has failed. */
  async caughtUp(): Promise<void> {
    if (!this.#loop.isFailing) await this.#delivered()
  }

  /** Delivers for a little longer, and leaves the rest in the spool. Idempotent. */
  async close(withinMs: number): Promise<void> {
    this.#loop.hurry()
    if (!this.#isStopped) await isWithin(this.#clock, this.#emptied(), withinMs)
    this.#isStopped = true
    this.#cancelDelay?.()
    this.#loop.stop()
    const { waitingBytes } = this.#spool
    if (waitingBytes > 0)
      this.#logger.warn({ bytes: waitingBytes }, 'usage records stay in the spool until the next start')
  }

  async #emptied(): Promise<void> {
    while (this.#spool.waitingBytes > 0 && !this.#isStopped) await this.#delivered()
  }

  #delivered(): Promise<void> {
    if (this.#spool.waitingBytes === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ upTo: this.#spool.appendedBytes, resolve })
    this.#now()
    return promise
  }

  #now(): void {
    this.#cancelDelay?.()
    this.#cancelDelay = undefined
    this.#upTo = this.#spool.appendedBytes
    this.#loop.start()
  }

  async #deliverNext(): Promise<boolean> {
    // After a failure one record tries whether the store is back, instead of a whole batch that would hang.
    const batch = await this.#spool.next(this.#loop.isFailing ? 1 : this.#batchSize)
    if (this.#isStopped) return false
    if (batch !== undefined) {
      await this.#send(batch)
      if (this.#isStopped) return false
      await this.#spool.markDelivered(batch)
    }
    this.#resolveWaiting()
    return batch !== undefined && this.#deliveredBytes < this.#upTo
  }

  async #send({ lines }: SpooledBatch): Promise<void> {
    if (lines.count === 0) return
    try {
      await this.#store.write(lines)
      this.#onDelivered?.(lines)
    } catch (error) {
      if (!(error instanceof RecordsRefusedError)) throw error
      this.#logger.error({ err: error }, 'the audit store rejects usage records')
      await this.#spool.refuse(error.lines)
    }
  }

  #failed(error: unknown): void {
    this.#logger.error(
      { err: error, bytes: this.#spool.waitingBytes },
      'usage records could not be delivered; they stay in the spool',
    )
    this.#resolveWaiting(Infinity)
  }

  get #deliveredBytes(): number {
    return this.#spool.appendedBytes - this.#spool.waitingBytes
  }

  #resolveWaiting(delivered = this.#deliveredBytes): void {
    for (const { resolve } of this.#waiting.filter(({ upTo }) => upTo <= delivered)) resolve()
    this.#waiting = this.#waiting.filter(({ upTo }) => upTo > delivered)
  }
}
