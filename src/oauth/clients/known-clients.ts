import type { Clock } from '../../domain/clock.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'

const COLLECTION = 'oauth-known-clients'

/** The clients that a person has approved: their metadata documents may be fetched without a person. */
export class KnownClients {
  readonly #store: StateStore
  readonly #clock: Clock

  constructor(options: { store: StateStore; clock: Clock }) {
    this.#store = options.store
    this.#clock = options.clock
  }

  async has(clientId: string): Promise<boolean> {
    return (await this.#store.get(COLLECTION, stateKey(clientId))) !== undefined
  }

  /** Remembers a client for as long as its newest grant can last. */
  async add(clientId: string, lifetimeMs: number): Promise<void> {
    await this.#store.put(COLLECTION, stateKey(clientId), '', { expiresAt: this.#clock.now() + lifetimeMs })
  }
}
