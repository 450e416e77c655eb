import type { Logger } from '../../telemetry/logger.ts'
import type { InstanceState } from './instance-state.ts'

/** A server whose reason differs each time is logged with at most this many. */
const MAX_REASONS = 10

/** Logs the states of an instance: the first failure, each new reason and the recovery, but not each retry. */
export class StateLog {
  readonly #logger: Logger
  /** Reasons logged since it was ready, without parts that vary, such as process ids and times. */
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

  /** Logs a retry at debug level, and a stop, which an operator or the shutdown caused, at info level. */
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
