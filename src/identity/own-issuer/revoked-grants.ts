import type { Clock } from '../../domain/clock.ts'
import type { TokenGrant } from '../../domain/principal.ts'

/** No access token is valid for longer after its grant was revoked. */
const KEPT_MS = 2 * 60 * 60_000

/**
 * The grants that were revoked while access tokens of them may still be valid. Their tokens are refused from then on,
 * and what they opened is ended.
 */
export class RevokedGrants {
  readonly #clock: Clock
  /** Wall time from which on no token of the grant can be valid any more. */
  readonly #until = new Map<string, number>()
  readonly #endings = new Map<string, Set<() => void>>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  has(id: string): boolean {
    return this.#until.has(id)
  }

  /** The grant of that id, for the principal of one of its tokens. */
  grant(id: string): TokenGrant {
    return Object.freeze({
      id,
      isRevoked: () => this.has(id),
      onRevoked: (end: () => void) => this.#watch(id, end),
    })
  }

  /** Refuses the tokens of a grant from here on. Idempotent. */
  revoke(id: string): void {
    const now = this.#clock.now()
    for (const [known, until] of this.#until) if (until <= now) this.#until.delete(known)
    this.#until.set(id, now + KEPT_MS)
    const endings = this.#endings.get(id) ?? []
    this.#endings.delete(id)
    for (const end of endings) end()
  }

  #watch(id: string, end: () => void): () => void {
    // Later, so that the watcher has finished opening its session.
    if (this.has(id)) return this.#clock.after(0, end)
    const endings = this.#endings.get(id) ?? new Set()
    this.#endings.set(id, endings.add(end))
    return () => {
      endings.delete(end)
      if (endings.size === 0 && this.#endings.get(id) === endings) this.#endings.delete(id)
    }
  }
}
