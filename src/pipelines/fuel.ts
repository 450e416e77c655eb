/** Units of work that expressions do in a tenth of a second or so: a character is one, an element of a list sixteen. */
const ONE_EVALUATION = 20_000_000

/** What one element of a list, or one step of an evaluation, costs. */
export const PART = 16

/** What one member of an object costs: names are looked up. */
export const MEMBER = 96

/** A measure of work that runs out, so that what an expression makes never is more than it may. */
export class Fuel {
  readonly #whole: Fuel | undefined
  readonly #empty: string
  #left: number

  /** @param options.whole what this is a part of; it runs out together with that */
  constructor(options: { units?: number; whole?: Fuel | undefined; empty?: string } = {}) {
    this.#left = options.units ?? ONE_EVALUATION
    this.#whole = options.whole
    this.#empty = options.empty ?? 'the expression exceeds its limit of work or of data size'
  }

  /** Takes units for work before it is done. @throws Error when they are not there */
  burn(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw new Error(this.#empty)
    this.#whole?.burn(units)
  }

  /** How many of something there may be yet, when each costs that many units. */
  roomFor(units: number): number {
    return Math.min(Math.floor(this.#left / units), this.#whole?.roomFor(units) ?? Number.POSITIVE_INFINITY)
  }
}
