const MAX_KEYS = 10_000

/** Servers of which a session was given up for a `ping` that they may refuse at all times. */
export class SessionDoubts {
  readonly #keys = new Set<string>()

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  add(key: string): void {
    const [oldest] = this.#keys.size >= MAX_KEYS ? this.#keys : []
    if (oldest !== undefined) this.#keys.delete(oldest)
    this.#keys.add(key)
  }
}
