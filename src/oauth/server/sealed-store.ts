import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { Sealing } from '../../domain/seal/sealing.ts'
import type { StateStore } from '../../state/state-store.ts'

/** A document, and the version that a write may depend on. */
export interface Sealed<T> {
  readonly value: T
  readonly version: string
}

/** Documents of one collection, each readable with its key only: keys are digests, values are sealed. */
export class SealedStore<T> {
  readonly #store: StateStore
  readonly #sealing: Sealing
  readonly #collection: string
  readonly #schema: z.ZodType<T>

  constructor(options: { store: StateStore; sealing: Sealing; collection: string; schema: z.ZodType<T> }) {
    this.#schema = options.schema
    this.#store = options.store
    this.#sealing = options.sealing
    this.#collection = options.collection
  }

  /** @throws GatewayError `state_unavailable` */
  async get(id: string): Promise<Sealed<T> | undefined> {
    const key = digestOf(id)
    const entry = await this.#store.get(this.#collection, key)
    const text = entry && this.#sealing.open(entry.value, this.#contextOf(key))
    // What another STATE_KEY sealed counts as not there.
    if (entry === undefined || text === undefined) return undefined
    return { value: this.#schema.parse(JSON.parse(text)), version: entry.version }
  }

  /** Whether it was written: false when another version was there than expected. */
  async put(
    id: string,
    value: T,
    options: { expiresAt?: number; expected?: string | null } = {},
  ): Promise<boolean> {
    const key = digestOf(id)
    const sealed = this.#sealing.seal(JSON.stringify(value), this.#contextOf(key))
    return (await this.#store.put(this.#collection, key, sealed, options)) !== undefined
  }

  async delete(id: string): Promise<void> {
    await this.#store.delete(this.#collection, digestOf(id))
  }

  #contextOf(key: string): string {
    return `${this.#collection}/${key}`
  }
}

function digestOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}
