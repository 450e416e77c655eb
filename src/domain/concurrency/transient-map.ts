/** Holds a value as long as its entry is in the map. */
interface Holder<V> {
  value: V | undefined
}

/**
 * A map of short-lived entries, such as requests in flight, in insertion order. A `Map` that outlives its entries keeps them
 * in memory until the next full garbage collection: V8 links each table of entries to the one that replaces it, and frees
 * old tables no sooner. Here a removed entry releases its value at once.
 */
export class TransientMap<K extends string | number, V> {
  readonly #holders = new Map<K, Holder<V>>()

  get size(): number {
    return this.#holders.size
  }

  get(key: K): V | undefined {
    return this.#holders.get(key)?.value
  }

  has(key: K): boolean {
    return this.#holders.has(key)
  }

  /** Adds an entry as the last one, or replaces the value of an existing one. */
  set(key: K, value: V): void {
    const holder = this.#holders.get(key)
    if (holder === undefined) this.#holders.set(key, { value })
    else holder.value = value
  }

  /** Removes an entry; returns whether it existed. */
  delete(key: K): boolean {
    const holder = this.#holders.get(key)
    if (holder === undefined) return false
    holder.value = undefined
    return this.#holders.delete(key)
  }

  clear(): void {
    for (const holder of this.#holders.values()) holder.value = undefined
    this.#holders.clear()
  }

  *entries(): IterableIterator<[K, V]> {
    for (const [key, { value }] of this.#holders) if (value !== undefined) yield [key, value]
  }

  *values(): IterableIterator<V> {
    for (const { value } of this.#holders.values()) if (value !== undefined) yield value
  }
}
