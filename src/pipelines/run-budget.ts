import { GatewayError } from '../domain/errors/errors.ts'
import { Fuel } from './fuel.ts'

const MAX_CALLS = 10_000
/** What one step may have at the same time. */
const MAX_IN_FLIGHT = 16
/** Some evaluations of the largest size, or any number of the usual ones. */
const ALL_EVALUATIONS = 250_000_000

/** What one run of a pipeline may do, together with the runs of other pipelines that it begins. */
export class RunBudget {
  readonly #maxCalls: number
  readonly #fuel = new Fuel({
    units: ALL_EVALUATIONS,
    empty: 'the expressions of the run exceed their combined limit of work',
  })
  #calls = 0
  #inFlight = 0
  readonly #waiting: (() => void)[] = []

  constructor(options: { maxCalls?: number } = {}) {
    this.#maxCalls = options.maxCalls ?? MAX_CALLS
  }

  /** For one thing that is evaluated at once. */
  fuel(): Fuel {
    return new Fuel({ whole: this.#fuel })
  }

  /** Counts a call before it is made. @throws GatewayError `pipeline_step_failed` when there are to be no more */
  countCall(): void {
    this.#calls += 1
    if (this.#calls <= this.#maxCalls) return
    const text = `A run may make at most ${this.#maxCalls} calls, including those of the pipelines that it calls`
    throw new GatewayError('pipeline_step_failed', text, { facts: { mayHaveExecuted: false } })
  }

  /** Does a call that waits for no other call of the run, when there is a place for it. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inFlight < MAX_IN_FLIGHT) this.#inFlight += 1
    else await new Promise<void>((begin) => this.#waiting.push(begin))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inFlight -= 1
      else next()
    }
  }
}
