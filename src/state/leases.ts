import { randomUUID } from 'node:crypto'
import { type Clock, sleep } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { stateKey } from './state-key.ts'
import type { StateStore } from './state-store.ts'

const COLLECTION = 'leases'
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 500

/** Work that one of all replicas does at a time. */
export class Leases {
  readonly #store: StateStore
  readonly #clock: Clock
  readonly #random: () => number
  readonly #prefix: string

  /** @param options.prefix of all keys; those with another one do not see these leases */
  constructor(options: { store: StateStore; clock: Clock; random: () => number; prefix?: string }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#random = options.random
    this.#prefix = options.prefix ?? ''
  }

  /**
   * Does `work` while it holds the lease of that key, after waiting up to twice its time for others, so `work`
   * should first look whether they have done it. The lease ends with the work, or after `ttlMs` when the process has
   * ended; a little before that `signal` aborts, and the work has to stop. `ttlMs` has to be far more than clocks of
   * replicas differ.
   * @throws GatewayError `state_unavailable` when it was not free in time, or the store does not answer; and what the
   * work throws
   */
  async withLease<T>(key: string, ttlMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const version = await this.#acquire(key, ttlMs)
    const ending = new AbortController()
    const cancel = this.#clock.after(ttlMs * 0.8, () => ending.abort())
    try {
      return await work(ending.signal)
    } finally {
      cancel()
      // If it cannot be released now, it expires.
      await this.#store
        .delete(COLLECTION, stateKey(this.#prefix + key), { expected: version })
        .catch(() => undefined)
    }
  }

  async #acquire(key: string, ttlMs: number): Promise<string> {
    const end = this.#clock.monotonic() + 2 * ttlMs
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const expiresAt = this.#clock.now() + ttlMs
      const options = { expected: null, expiresAt }
      const version = await this.#store.put(COLLECTION, stateKey(this.#prefix + key), randomUUID(), options)
      if (version !== undefined) return version
      if (this.#clock.monotonic() >= end)
        throw new GatewayError('state_unavailable', 'Another replica takes too long with the same work')
      await sleep(this.#clock, pauseMs * (0.5 + this.#random() / 2))
    }
  }
}
