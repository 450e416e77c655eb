const MAX_KEYS = 10_000

/** Servers whose session was given up because of a refused `ping`, which they may refuse in every session. */
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
