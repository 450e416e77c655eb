import type { Logger } from '../telemetry/logger.ts'

/** A removal that is held back, and what is logged of it. */
interface LoggedHold {
  /** Another one is logged again. */
  readonly key: string
  readonly facts: object
  readonly message: string
}

/** Logs which removals of documents are held back, whenever these are others than before. */
export class HoldLog {
  readonly #logger: Logger
  #told = ''

  constructor(options: { logger: Logger }) {
    this.#logger = options.logger
  }

  report(holds: readonly LoggedHold[]): void {
    const keys = holds.map(({ key }) => key).join(' ')
    if (keys === this.#told) return
    this.#told = keys
    for (const { facts, message } of holds) this.#logger.error(facts, message)
    if (holds.length === 0) this.#logger.info('removals are no longer held back')
  }
}
