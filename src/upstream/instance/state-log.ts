import type { Logger } from '../../telemetry/logger.ts'
import type { InstanceState } from './instance-state.ts'

/** A server whose reasons differ each time says no more after these. */
const MAX_REASONS = 10

/** The log of an instance's states: a line for the first failure, each new reason and the recovery, none for a retry. */
export class StateLog {
  readonly #logger: Logger
  /** Since it was ready, without what differs each time, such as process ids and times. */
  readonly #told = new Set<string>()

  constructor(options: { logger: Logger }) {
    this.#logger = options.logger
  }

  changed(from: InstanceState, to: InstanceState, reason: string | undefined): void {
    const facts = { from, to, ...(reason !== undefined && { reason }) }
    if (to === 'failed' || (to === 'backing_off' && this.#isNews(reason ?? '')))
      this.#logger.warn(facts, `instance is ${to}`)
    else if (to === 'backing_off' || from === 'backing_off') this.#quiet(facts, to)
    else this.#recovered(facts, to)
  }

  #recovered(facts: object, to: InstanceState): void {
    const isBack = to === 'ready' && this.#told.size > 0
    if (to === 'ready') this.#told.clear()
    this.#logger.info(facts, isBack ? 'instance is ready again' : `instance is ${to}`)
  }

  /** A retry, unless an operator or the end of the gateway came between. */
  #quiet(facts: object, to: InstanceState): void {
    this.#logger[to === 'stopped' ? 'info' : 'debug'](facts, `instance is ${to}`)
  }

  #isNews(reason: string): boolean {
    const kind = reason.replaceAll(/[\da-f]{8,}|\d+/gi, '#')
    if (this.#told.has(kind) || this.#told.size >= MAX_REASONS) return false
    this.#told.add(kind)
    return true
  }
}
