import type { ServerKey } from '../../domain/documents/server-definition.ts'

/** What each call adds to its server's budget: one repetition for five calls. */
const PER_CALL = 0.2
const AT_FIRST = 10
const MOST = 100
const MAX_SERVERS = 10_000

/**
 * How often calls may be repeated: per server for a fifth of its calls, and at first ten times. Where everything
 * fails, repeating everything would only make it worse.
 */
export class RetryBudget {
  readonly #left = new Map<ServerKey, number>()

  /** A call begins. */
  earn(server: ServerKey): void {
    const left = this.#left.get(server)
    if (left === undefined) this.#makeRoom()
    if (left !== MOST) this.#left.set(server, Math.min(MOST, (left ?? AT_FIRST) + PER_CALL))
  }

  /** Takes one repetition; false where none is left. */
  spend(server: ServerKey): boolean {
    const left = this.#left.get(server) ?? 0
    if (left < 1) return false
    this.#left.set(server, left - 1)
    return true
  }

  /** The one that was known first is forgotten: most likely the registry has it no more. */
  #makeRoom(): void {
    const [first] = this.#left.keys()
    if (this.#left.size >= MAX_SERVERS && first !== undefined) this.#left.delete(first)
  }
}
