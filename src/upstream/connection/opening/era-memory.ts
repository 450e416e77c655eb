import type { Clock } from '../../../domain/clock.ts'
import type { Era } from '../connection.ts'

/** A server may be upgraded, and an upgraded one still speaks the old era: verdicts end. */
const LIFETIME_MS = 24 * 60 * 60 * 1000
const MAX_VERDICTS = 10_000

/** Which era servers turned out to speak, so that they are not asked at every connection. */
export class EraMemory {
  readonly #clock: Clock
  readonly #verdicts = new Map<string, { readonly era: Era; readonly at: number }>()

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** The era of what `key` identifies, if it was found out within the last 24 hours. */
  recall(key: string): Era | undefined {
    const verdict = this.#verdicts.get(key)
    if (verdict === undefined) return undefined
    if (this.#clock.now() - verdict.at < LIFETIME_MS) return verdict.era
    this.#verdicts.delete(key)
    return undefined
  }

  /** A verdict keeps the date of the first time: the next question is due 24 hours after it was found out. */
  remember(key: string, era: Era): void {
    if (this.recall(key) === era) return
    const oldest = this.#verdicts.size >= MAX_VERDICTS ? this.#verdicts.keys().next().value : undefined
    if (oldest !== undefined) this.#verdicts.delete(oldest)
    this.#verdicts.set(key, { era, at: this.#clock.now() })
  }

  forget(key: string): void {
    this.#verdicts.delete(key)
  }
}
