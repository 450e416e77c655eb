import { lruCache } from '../../cache/lru.ts'
import type { Clock } from '../../domain/clock.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'

const COLLECTION = 'ended-browser-sessions'
const MAX_KNOWN = 10_000
/** A session that another replica ended goes on here for at most this long. */
const KNOWN_FOR_MS = 5000

/** The part of the state store that the ends of sessions need. */
export type EndStore = Pick<StateStore, 'get' | 'put'>

/**
 * The sessions of browsers that were ended before they expired, which a copied cookie could continue; the same for every
 * replica, and after a restart. As with grants, a store that does not answer ends nothing: what it would say is unknown.
 */
export class EndedSessions {
  readonly #store: EndStore
  readonly #logger: Logger
  readonly #ended = lruCache<true>(MAX_KNOWN)
  /** What the store said last, so that not every request of a page asks it. */
  readonly #asked

  constructor({ store, clock, logger }: { store: EndStore; clock: Clock; logger: Logger }) {
    this.#store = store
    this.#logger = logger
    this.#asked = lruCache<Promise<boolean>>(MAX_KNOWN, {
      ttl: KNOWN_FOR_MS,
      // The library takes a start of 0 for none.
      perf: { now: () => clock.monotonic() + 1 },
      ttlResolution: 0,
    })
  }

  /** Whether a session was ended, as of some seconds ago where another replica did it; never rejects. */
  async has(id: string): Promise<boolean> {
    if (this.#ended.has(id)) return true
    const known = this.#asked.get(id)
    if (known !== undefined) return known
    const asked = this.#ask(id)
    this.#asked.set(id, asked)
    return asked
  }

  /** Ends a session, and returns whether it stays so after a restart and at other replicas; never rejects. */
  async end(id: string, until: number): Promise<boolean> {
    this.#ended.set(id, true)
    try {
      await this.#store.put(COLLECTION, id, '', { expiresAt: until })
      return true
    } catch (err) {
      this.#logger.error({ err }, 'a sign-out could not be kept: it counts here until the next restart')
      return false
    }
  }

  async #ask(id: string): Promise<boolean> {
    try {
      const isEnded = (await this.#store.get(COLLECTION, id)) !== undefined
      if (isEnded) this.#ended.set(id, true)
      return isEnded
    } catch (err) {
      this.#logger.warn({ err }, 'whether sessions of browsers were ended cannot be read')
      return false
    }
  }
}
