/** Changes one of several counts, and removes it when it reaches zero. */
export function addTo<K>(counts: Map<K, number>, key: K, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}

/** How many counts of zero are retained. */
const MAX_EMPTY = 1000

/**
 * Counts that often reach zero and soon rise again. In place of removing them, as `addTo` does, up to 1000 counts of zero
 * are retained: a map allocates a new table for every few entries that are removed and added, and the tables of a
 * long-lived map are freed only by a full garbage collection.
 */
export class RetainedCounts {
  readonly #counts = new Map<string, number>()
  #empty = 0

  /** How many counts are stored, those of zero included. */
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
