import type { Clock } from '../domain/clock.ts'
import type { Logger } from './logger.ts'

const MINUTE_MS = 60_000

/** Warns of what others can cause as often as they like: one line a minute, or in the time that is given. */
export class LimitedLog {
  readonly #clock: Clock
  readonly #logger: Pick<Logger, 'warn'>
  readonly #everyMs: number
  #writtenAt = -Infinity
  #leftOut = 0

  constructor(options: { clock: Clock; logger: Pick<Logger, 'warn'>; everyMs?: number }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#everyMs = options.everyMs ?? MINUTE_MS
  }

  /**
   * Writes a line, or counts it as left out.
   * @param facts gets how many were left out since the last line; called only for a line that is written
   * @param count for how many the line stands
   */
  warn(facts: (leftOut: number) => object, text: string, count = 1): void {
    const now = this.#clock.monotonic()
    if (now - this.#writtenAt < this.#everyMs) {
      this.#leftOut += count
      return
    }
    const leftOut = this.#leftOut
    this.#writtenAt = now
    this.#leftOut = 0
    this.#logger.warn(facts(leftOut), text)
  }
}
