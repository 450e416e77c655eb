/** Something that is kept for a limited time and takes memory. */
export interface Shelved {
  readonly bytes: number
}

/** Items that share one limit in bytes, oldest first. */
export class Shelf<T extends Shelved> {
  readonly #items = new Set<T>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get oldest(): T | undefined {
    const [oldest] = this.#items
    return oldest
  }

  add(item: T): void {
    this.#items.add(item)
    this.#bytes += item.bytes
  }

  remove(item: T): void {
    if (this.#items.delete(item)) this.#bytes -= item.bytes
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items.values()
  }
}

/** A shelf for each name, which exists only while it has items. */
export class Shelves<T extends Shelved> {
  readonly #shelves = new Map<string, Shelf<T>>()

  add(name: string, item: T): Shelf<T> {
    const shelf = this.#shelves.get(name) ?? new Shelf<T>()
    this.#shelves.set(name, shelf)
    shelf.add(item)
    return shelf
  }

  remove(name: string, item: T): void {
    const shelf = this.#shelves.get(name)
    shelf?.remove(item)
    if (shelf?.bytes === 0) this.#shelves.delete(name)
  }

  /** The shelf with the most bytes. */
  get largest(): Shelf<T> | undefined {
    let found: Shelf<T> | undefined
    for (const shelf of this.#shelves.values())
      if (found === undefined || shelf.bytes > found.bytes) found = shelf
    return found
  }
}
