import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../telemetry/logger.ts'

const WARN_EVERY_MS = 10_000

/** Counts the answers that went out before their records were written, and warns of them now and then. */
export class LateAnswers {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onLate: ((answers: number) => void) | undefined
  #isLate = false
  #warnedAt = -Infinity

  constructor(options: { clock: Clock; logger: Logger; onLate?: (answers: number) => void }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#onLate = options.onLate
  }

  /** Whether an answer was late, and nothing has been written since. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** @param waiting records that are not written */
  count(answers: number, waiting: number): void {
    this.#isLate = true
    this.#onLate?.(answers)
    if (this.#clock.monotonic() - this.#warnedAt < WARN_EVERY_MS) return
    this.#warnedAt = this.#clock.monotonic()
    this.#logger.warn(
      { waiting },
      'calls are answered before their usage records are written; a killed gateway would lose the records',
    )
  }

  /** Something was written. */
  reset(): void {
    this.#isLate = false
  }
}
