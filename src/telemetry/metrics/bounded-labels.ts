/**
 * The first values that a label has; all others share one, so that what comes and goes cannot grow a metric for ever.
 */
export class BoundedLabels {
  readonly #limit: number
  readonly #known = new Set<string>()

  constructor(options: { limit: number }) {
    this.#limit = options.limit
  }

  /** Whether the value is one of the first. */
  admit(value: string): boolean {
    if (this.#known.has(value)) return true
    if (this.#known.size >= this.#limit) return false
    this.#known.add(value)
    return true
  }
}
