import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../telemetry/logger.ts'

const WARN_EVERY_MS = 10_000

/** Counts the calls that got an error because their records were not written in time, and warns of them now and then. */
export class LateAnswers {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onLate: ((answers: number) => void) | undefined
  #warnedAt = -Infinity

  constructor(options: { clock: Clock; logger: Logger; onLate?: (answers: number) => void }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#onLate = options.onLate
  }

  /** @param waiting records that are not written */
  count(answers: number, waiting: number): void {
    this.#onLate?.(answers)
    if (this.#clock.monotonic() - this.#warnedAt < WARN_EVERY_MS) return
    this.#warnedAt = this.#clock.monotonic()
    this.#logger.warn(
      { waiting },
      'calls have run and are answered with an error, because their usage records could not be written in time',
    )
  }
}
