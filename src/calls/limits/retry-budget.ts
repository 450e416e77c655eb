import type { ServerKey } from '../../domain/documents/server-definition.ts'

/** What each call adds to its server's budget: one retry for five calls. */
const PER_CALL = 0.2
const AT_FIRST = 10
const MOST = 100
const MAX_SERVERS = 10_000

/**
 * Limits retries for each server to a fifth of its calls, with an initial budget of ten: when everything fails,
 * retrying everything would only add load.
 */
export class RetryBudget {
  readonly #left = new Map<ServerKey, number>()

  /** Counts a call that begins. */
  earn(server: ServerKey): void {
    const left = this.#left.get(server)
    if (left === undefined) this.#makeRoom()
    if (left !== MOST) this.#left.set(server, Math.min(MOST, (left ?? AT_FIRST) + PER_CALL))
  }

  /** Takes one retry; false if none is left. */
  spend(server: ServerKey): boolean {
    const left = this.#left.get(server) ?? 0
    if (left < 1) return false
    this.#left.set(server, left - 1)
    return true
  }

  /** Forgets the server that was added first, which is most likely no longer in the registry. */
  #makeRoom(): void {
    const [first] = this.#left.keys()
    if (this.#left.size >= MAX_SERVERS && first !== undefined) this.#left.delete(first)
  }
}
