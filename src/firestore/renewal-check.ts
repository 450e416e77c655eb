import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import type { DocumentStore, WatchedDocument } from './document-store.ts'

const COLLECTION = 'gateway_checks'
/** How long after the same report of another replica no replica repeats it: after an outage all of them read at once. */
const AGAIN_MS = 60_000

/**
 * What replicas tell each other when one of them has read collections again from the start: the digest of all that is there.
 * Another one that has the same need not read it, so that one reading is enough for all of them.
 */
export class RenewalCheck {
  readonly #store: Pick<DocumentStore, 'get' | 'set'>
  readonly #path: string
  readonly #clock: Clock
  readonly #self = randomUUID()

  /** @param options.name of what is read, the same at all replicas */
  constructor(options: { store: Pick<DocumentStore, 'get' | 'set'>; name: string; clock: Clock }) {
    this.#store = options.store
    this.#path = `${COLLECTION}/${options.name}`
    this.#clock = options.clock
  }

  /**
   * Whether another replica has read just this within `withinMs`: what this one has read says nothing of what it has missed
   * since. False where the store does not answer.
   */
  async hasRead(digest: string, withinMs: number): Promise<boolean> {
    try {
      const found = await this.#store.get(this.#path)
      const { digest: theirs, by, at } = found?.value ?? {}
      return theirs === digest && by !== this.#self && Math.abs(this.#clock.now() - Number(at)) < withinMs
    } catch {
      return false
    }
  }

  /** Says what was read now. Never rejects: without it each replica reads by itself. */
  async read(digest: string): Promise<void> {
    if (await this.hasRead(digest, AGAIN_MS)) return
    const said = { digest, by: this.#self, at: this.#clock.now() }
    await this.#store.set(this.#path, said).catch(() => undefined)
  }
}

/** Of the versions of all documents of a collection, in whichever order they come. */
export function digestOf(documents: readonly WatchedDocument[]): string {
  const lines = documents.map(({ id, version }) => JSON.stringify([id, version])).toSorted()
  return createHash('sha256').update(lines.join('\n')).digest('base64')
}
