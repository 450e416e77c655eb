import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'

const DELAY_MS = 50

/**
 * Syncs files to disk a moment after they were written, once for all writes of that moment. What is written survives
 * the process without it; a power cut takes what is not synced, and answers do not wait for disks.
 */
export class DeferredSync {
  readonly #sync: () => Promise<void>
  readonly #clock: Clock
  readonly #logger: Logger
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  /** @param options.sync what brings everything written so far to the disk */
  constructor(options: { sync: () => Promise<void>; clock: Clock; logger: Logger }) {
    this.#sync = options.sync
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** Something was written. */
  soon(): void {
    if (this.#isClosed) return
    this.#cancel ??= this.#clock.after(DELAY_MS, () => {
      this.#cancel = undefined
      this.#running = this.#running.then(() => this.#run())
    })
  }

  /** Syncs what waits, and nothing more after it. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#cancel !== undefined) {
      this.#cancel()
      this.#cancel = undefined
      this.#running = this.#running.then(() => this.#run())
    }
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      await this.#sync()
    } catch (error) {
      this.#logger.error({ err: error }, 'usage records are written but could not be synced to the disk')
    }
  }
}
