import { lruCache } from '../../cache/lru.ts'
import type { Clock } from '../../domain/clock.ts'
import { SharedWork } from '../../domain/concurrency/shared-work.ts'
import { termsOf } from '../accounts/renewal.ts'
import type { IssuedToken } from './machine-grants.ts'

const MAX_TOKENS = 10_000
/** Where the authorization server does not say how long a token lasts. */
const UNKNOWN_LIFETIME_MS = 300_000
/** How long no new token is requested after a failure. */
const PAUSE_MS = 1000

interface Held {
  readonly token: string
  readonly renewAt: number
  readonly expiresAt: number
}

interface Failed {
  readonly error: unknown
  readonly until: number
  /** What was tried; another attempt may succeed at once. */
  readonly attempt: string
}

/**
 * Tokens that were issued to the gateway, kept in memory until shortly before they end: each is asked for once at a
 * time. While the authorization server does not answer, a token is used until it ends.
 */
export class IssuedTokens {
  readonly #clock: Clock
  readonly #held = lruCache<Held>(MAX_TOKENS)
  readonly #failed = lruCache<Failed>(MAX_TOKENS)
  readonly #asking = new SharedWork<string>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /**
   * The token of a key.
   * @param options.attempt tells attempts apart that may have different outcomes
   * @throws what `ask` throws
   */
  async of(
    key: string,
    { attempt, ask }: { attempt: string; ask: () => Promise<IssuedToken> },
  ): Promise<string> {
    const held = this.#held.get(key)
    if (held !== undefined && this.#clock.now() < held.renewAt) return held.token
    const failed = this.#failed.get(key)
    if (failed?.attempt === attempt && this.#clock.monotonic() < failed.until) {
      if (this.#isGood(held)) return held.token
      throw failed.error
    }
    return await this.#asking
      .run(key, () => this.#asked(key, attempt, ask))
      .catch((error: unknown) => {
        if (this.#isGood(held)) return held.token
        throw error
      })
  }

  /** The server has refused a token: another one is asked for next. */
  forget(key: string, token: string): void {
    if (this.#held.get(key)?.token === token) this.#held.delete(key)
  }

  async #asked(key: string, attempt: string, ask: () => Promise<IssuedToken>): Promise<string> {
    try {
      const { token, lifetimeMs = UNKNOWN_LIFETIME_MS } = await ask()
      const now = this.#clock.now()
      const { renewAt = now, expiresAt = now } = termsOf(now, lifetimeMs)
      this.#held.set(key, { token, renewAt, expiresAt })
      this.#failed.delete(key)
      return token
    } catch (error) {
      this.#failed.set(key, { error, until: this.#clock.monotonic() + PAUSE_MS, attempt })
      throw error
    }
  }

  #isGood(held: Held | undefined): held is Held {
    return held !== undefined && this.#clock.now() < held.expiresAt
  }
}
