import type { Clock } from '../domain/clock.ts'
import { LimitedLog } from '../telemetry/limited-log.ts'
import type { Logger } from '../telemetry/logger.ts'

const WARN_EVERY_MS = 10_000

/** Counts the calls that got an error because their records were not written in time, and warns of them now and then. */
export class LateAnswers {
  readonly #log: LimitedLog
  readonly #onLate: ((answers: number) => void) | undefined

  constructor(options: { clock: Clock; logger: Logger; onLate?: (answers: number) => void }) {
    this.#log = new LimitedLog({ ...options, everyMs: WARN_EVERY_MS })
    this.#onLate = options.onLate
  }

  /** @param waiting records that are not written */
  count(answers: number, waiting: number): void {
    this.#onLate?.(answers)
    this.#log.warn(
      () => ({ waiting }),
      'calls have run and are answered with an error, because their usage records could not be written in time',
    )
  }
}
