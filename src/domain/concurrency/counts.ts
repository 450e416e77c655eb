/** Changes one of several counts. One that is down to nothing is not kept. */
export function addTo<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}

/** So many counts of nothing are kept. */
const MAX_EMPTY = 1000

/**
 * Counts that are often down to nothing and soon more again. Those of nothing are kept, up to a bound: a map makes a table
 * for each few entries that come and go, and those of one that has grown old are found by a full garbage collection only.
 */
export class KeptCounts {
  readonly #counts = new Map<string, number>()
  #empty = 0

  /** Those that are kept. */
  get size(): number {
    return this.#counts.size
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  /** @param change 1 or -1 */
  add(key: string, change: number): void {
    const before = this.#counts.get(key)
    const count = (before ?? 0) + change
    if (count === 0) this.#empty += 1
    else if (before === 0) this.#empty -= 1
    this.#counts.set(key, count)
    if (this.#empty > MAX_EMPTY) this.#forgetEmpty()
  }

  #forgetEmpty(): void {
    this.#empty = 0
    for (const [key, count] of this.#counts) if (count === 0) this.#counts.delete(key)
  }
}
