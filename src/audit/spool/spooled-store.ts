import type { Clock } from '../../domain/clock.ts'
import { sleep } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AuditPage, AuditQuery, AuditStore } from '../audit-store.ts'
import type { DigestThread } from '../digest/digest-thread.ts'
import { RecordsRefusedError } from '../records-refused.ts'
import { retryDelayMs } from '../retry-delay.ts'
import { Spool, type SpooledBatch } from './spool.ts'
import type { WritableRecord } from '../usage-record.ts'

const TAKE_OVER_EVERY_MS = 30_000

/** What a `SpooledStore` needs: the store it delivers to, and the bounds of its spool. */
export interface SpooledStoreOptions {
  /** Where the records go in the end. It must keep a record that it gets twice once. */
  readonly store: AuditStore
  readonly digests: DigestThread
  /** Data directory; the spool is its folder `spool`. */
  readonly dir: string
  /** Bytes on disk from which on the store counts as full. */
  readonly limitBytes: number
  readonly segmentBytes?: number
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Records of one delivery; 200 by default. */
  readonly batchSize?: number
  /** Time for a last delivery when it closes, in milliseconds; 2000 by default. */
  readonly deliverOnCloseMs?: number
}

/**
 * A store that has a record once it is in a file of this machine, and delivers it to the store behind it from there.
 * Every record takes that way, not only those of an outage: writing a batch costs less than a millisecond, a store
 * across the network many, and one that hangs seconds, in which a killed gateway would lose what it only holds in
 * memory. Queries go to the store behind it and do not see what is not delivered yet.
 */
export class SpooledStore implements AuditStore {
  readonly #store: AuditStore
  readonly #digests: DigestThread
  readonly #spool: Spool
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  readonly #batchSize: number
  readonly #deliverOnCloseMs: number
  #delivering: Promise<void> | undefined
  #hasNews = false
  #failures = 0
  readonly #awake = new AbortController()
  #cancelTakeOver: (() => void) | undefined
  #closing: Promise<void> | undefined
  #isStopped = false

  private constructor(options: SpooledStoreOptions, spool: Spool) {
    this.#store = options.store
    this.#digests = options.digests
    this.#spool = spool
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
    this.#batchSize = options.batchSize ?? 200
    this.#deliverOnCloseMs = options.deliverOnCloseMs ?? 2000
  }

  /**
   * Opens the spool and begins to deliver what an earlier process left.
   * @throws Error when the folder cannot be used
   */
  static async open(options: SpooledStoreOptions): Promise<SpooledStore> {
    const store = new SpooledStore(options, await Spool.open(options))
    store.#deliverSoon()
    store.#takeOverLater()
    return store
  }

  /** Bytes of records that are on disk and not known to be in the store behind. */
  get waitingBytes(): number {
    return this.#spool.waitingBytes
  }

  /** Whether the store behind took the last delivery. */
  get isDelivering(): boolean {
    return this.#failures === 0
  }

  isFull(): boolean {
    return this.#spool.isFull()
  }

  /** Resolves once the records are in the spool. @throws Error when the disk is full or fails */
  async write(batch: readonly WritableRecord[]): Promise<void> {
    if (this.#closing !== undefined) throw new Error('the audit store is closed')
    await this.#spool.append(await this.#digests.digested(batch))
    this.#deliverSoon()
  }

  query(query: AuditQuery): Promise<AuditPage> {
    return this.#store.query(query)
  }

  /**
   * Delivers for a little longer, leaves the rest on disk for the next process, and closes the store behind.
   * Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#cancelTakeOver?.()
    this.#awake.abort()
    this.#deliverSoon()
    await Promise.race([this.#delivering, sleep(this.#clock, this.#deliverOnCloseMs)])
    this.#isStopped = true
    const { waitingBytes } = this.#spool
    if (waitingBytes > 0)
      this.#logger.warn({ bytes: waitingBytes }, 'usage records stay in the spool until the next start')
    await this.#spool.close()
    await this.#store.close()
  }

  #deliverSoon(): void {
    this.#hasNews = true
    this.#delivering ??= this.#deliver()
  }

  /** Never rejects. */
  async #deliver(): Promise<void> {
    while (this.#hasNews && !this.#isStopped) {
      this.#hasNews = false
      try {
        await this.#deliverAll()
        this.#recovered()
      } catch (error) {
        this.#hasNews = true
        await this.#backOff(error)
      }
    }
    this.#delivering = undefined
  }

  async #deliverAll(): Promise<void> {
    for (;;) {
      // After a failure one record tries whether the store is back, instead of a whole batch that would hang.
      const batch = await this.#spool.next(this.#failures > 0 ? 1 : this.#batchSize)
      if (batch === undefined || this.#isStopped) return
      await this.#send(batch)
      if (this.#isStopped) return
      await this.#spool.markDelivered(batch)
      this.#recovered()
    }
  }

  async #send({ records }: SpooledBatch): Promise<void> {
    if (records.length === 0) return
    try {
      await this.#store.write(records)
    } catch (error) {
      if (!(error instanceof RecordsRefusedError)) throw error
      const refused = records.filter(({ id }) => error.ids.has(id))
      this.#logger.error({ err: error }, 'the audit store rejects usage records')
      await this.#spool.refuse(refused.map((record) => JSON.stringify(record)))
    }
  }

  #recovered(): void {
    if (this.#failures > 0) this.#logger.info('usage records in the spool are delivered again')
    this.#failures = 0
  }

  async #backOff(error: unknown): Promise<void> {
    this.#failures += 1
    this.#logger.error(
      { err: error, bytes: this.#spool.waitingBytes },
      'usage records could not be delivered; they stay in the spool',
    )
    // A store that is closing is woken once, and then waits like any other.
    const signal = this.#closing === undefined ? this.#awake.signal : undefined
    await sleep(this.#clock, retryDelayMs(this.#failures, this.#random), signal)
  }

  #takeOverLater(): void {
    this.#cancelTakeOver = this.#clock.after(TAKE_OVER_EVERY_MS, () => {
      void this.#takeOver().finally(() => {
        if (this.#closing === undefined) this.#takeOverLater()
      })
    })
  }

  /** Never rejects. */
  async #takeOver(): Promise<void> {
    try {
      await this.#spool.takeOver()
      this.#deliverSoon()
    } catch (error) {
      this.#logger.error({ err: error }, 'the spools of other processes could not be checked')
    }
  }
}
