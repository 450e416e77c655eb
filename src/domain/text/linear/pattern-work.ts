import { PatternError } from './pattern-syntax.ts'

/** Steps looked at, of which a millisecond does up to a hundred thousand. */
const MAX_STEPS = 2_000_000

/**
 * How much work it is to compile patterns, and no more than some. It is counted and not timed, so that what else the
 * machine does never decides whether patterns are accepted.
 */
export class PatternWork {
  #steps = 0

  /** How many steps were looked at. */
  get steps(): number {
    return this.#steps
  }

  /** Whether there were too many. */
  get isTooMuch(): boolean {
    return this.#steps > MAX_STEPS
  }

  /** @throws PatternError once there are too many */
  add(steps: number): void {
    this.#steps += steps
    if (this.isTooMuch)
      throw new PatternError(
        'the patterns are too complex together: take fewer, with fewer repetitions and choices in each',
      )
  }
}
