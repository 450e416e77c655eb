import type { Clock } from '../../domain/clock.ts'
import { isWithin } from '../../domain/clock.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { LimitedLog } from '../../telemetry/limited-log.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Checkpoint } from '../chain/checkpoint.ts'
import { recordInLine } from '../record-line.ts'
import { WorkLoop } from '../work-loop.ts'
import { checkpointLogRecord, logRecordOf, logsRequest } from './log-records.ts'
import type { StreamTarget } from './stream-target.ts'

const QUEUE_LIMIT = 10_000
const BATCH = 500
const TIMEOUT_MS = 10_000
const CLOSE_WAIT_MS = 500

/** What a `RecordStream` needs. */
export interface RecordStreamOptions {
  readonly target: StreamTarget
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Records that may wait; 10,000 by default. */
  readonly queueLimit?: number
}

/**
 * Streams records to a collector over OTLP/HTTP, after they were stored. It has no part in whether records are kept:
 * while the collector is down a bounded number waits, and what is beyond that is in the store alone. A record may come
 * twice, with the same id.
 */
export class RecordStream {
  readonly #options: RecordStreamOptions
  readonly #loop: WorkLoop
  readonly #queueLimit: number
  readonly #log: LimitedLog
  #queue: JsonObject[] = []
  #dropped = 0
  #idle = Promise.withResolvers<void>()

  constructor(options: RecordStreamOptions) {
    const { logger } = options
    this.#options = options
    this.#log = new LimitedLog(options)
    this.#queueLimit = options.queueLimit ?? QUEUE_LIMIT
    this.#loop = new WorkLoop({
      ...options,
      work: () => this.#sendNext(),
      onFailure: (err) =>
        this.#log.warn(() => ({ err, waiting: this.#queue.length }), 'usage records could not be streamed'),
      onRecovery: () => logger.info('usage records are streamed again'),
    })
  }

  /** Records that were not streamed because too many waited. */
  get dropped(): number {
    return this.#dropped
  }

  /** Records were stored. */
  records(lines: readonly string[]): void {
    for (const line of lines) {
      const record = recordInLine(line)
      if (record !== undefined) this.#add(logRecordOf(record))
    }
    this.#loop.start()
  }

  /** A checkpoint was signed. */
  checkpoint(checkpoint: Checkpoint): void {
    this.#add(checkpointLogRecord(checkpoint))
    this.#loop.start()
  }

  /** Sends for a little longer; the rest is in the store. Idempotent. */
  async close(): Promise<void> {
    this.#loop.hurry()
    if (this.#queue.length > 0) await isWithin(this.#options.clock, this.#idle.promise, CLOSE_WAIT_MS)
    this.#loop.stop()
  }

  #add(logRecord: JsonObject): void {
    if (this.#queue.length < this.#queueLimit) return void this.#queue.push(logRecord)
    this.#dropped += 1
    this.#log.warn(
      () => ({ dropped: this.#dropped }),
      'usage records are not streamed any more, because too many wait',
    )
  }

  async #sendNext(): Promise<boolean> {
    const batch = this.#queue.slice(0, BATCH)
    if (batch.length > 0) await this.#send(batch)
    this.#queue = this.#queue.slice(batch.length)
    if (this.#queue.length > 0) return true
    this.#idle.resolve()
    this.#idle = Promise.withResolvers<void>()
    return false
  }

  async #send(batch: readonly JsonObject[]): Promise<void> {
    const { url, headers } = this.#options.target
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: logsRequest(batch),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`the collector answered ${answer.status}`)
  }
}
