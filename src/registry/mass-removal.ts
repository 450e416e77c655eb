import { createHash } from 'node:crypto'

/** A document with what tells its versions apart. */
export interface Removable {
  readonly id: string
  readonly version: string
}

/** Documents that are gone from the store and serve on all the same. */
export interface Hold<T extends Removable> {
  /** The same on every gateway that holds back the same removal; another removal has another id. */
  readonly id: string
  /** `mass`: many at once; `recreated`: the whole store seems to be another one than before. */
  readonly cause: 'mass' | 'recreated'
  readonly removed: readonly T[]
  /**
   * When the hold began and when it ends by itself, in milliseconds since the epoch; a recreated store never ends it.
   */
  readonly since: number
  readonly until: number | undefined
}

/** Facts about a removal, in addition to the documents. */
export interface RemovalFacts {
  /** Whether the store is another one than that which the documents came from: a wiped or restored database. */
  readonly recreated: boolean
  /** Ids of holds that an operator has confirmed. */
  readonly confirmed: ReadonlySet<string>
  readonly now: number
}

const MIN_REMOVED = 3

/**
 * Keeps documents whose removal looks like an accident. It holds back
 *
 * - the removal of at least 3 documents that are more than half of all, in one step: it takes effect once it has
 *   stood for `releaseAfterMs`;
 * - every removal while the store is not the one of before: it takes effect only when confirmed.
 *
 * A held document that comes back is released. New and edited documents are never held back, so `enabled: false` always
 * takes a server out of use at once. An operator confirms a removal by the id of the hold.
 */
export class RemovalGuard<T extends Removable> {
  readonly #releaseAfterMs: number
  #inForce: readonly T[] = []
  #hold: Hold<T> | undefined

  constructor(options: { releaseAfterMs: number }) {
    this.#releaseAfterMs = options.releaseAfterMs
  }

  /** The removal that is held back. */
  get hold(): Hold<T> | undefined {
    return this.#hold
  }

  /** Says which documents were in force before, when this process has not seen it itself. */
  rebase(documents: readonly T[]): void {
    this.#inForce = documents
    this.#hold = undefined
  }

  /** Which documents in force are not among these. */
  missingFrom(documents: readonly T[]): readonly T[] {
    const ids = new Set(documents.map(({ id }) => id))
    return this.#inForce.filter(({ id }) => !ids.has(id))
  }

  /** The documents to serve, given those of the store; the held ones come last. */
  judge(documents: readonly T[], facts: RemovalFacts): readonly T[] {
    this.#hold = this.#judge(this.missingFrom(documents), facts)
    this.#inForce = [...documents, ...(this.#hold?.removed ?? [])]
    return this.#inForce
  }

  #judge(missing: readonly T[], { recreated, confirmed, now }: RemovalFacts): Hold<T> | undefined {
    const cause = recreated ? 'recreated' : 'mass'
    const removed = recreated || this.#isMass(missing.length) ? missing : this.#heldOf(missing)
    if (removed.length === 0) return undefined
    const id = holdId(removed)
    if (confirmed.has(id)) return undefined
    const since = this.#sinceOf(id, cause) ?? now
    if (recreated) return { id, cause, removed, since, until: undefined }
    const until = since + this.#releaseAfterMs
    return now >= until ? undefined : { id, cause, removed, since, until }
  }

  #sinceOf(id: string, cause: string): number | undefined {
    return this.#hold?.id === id && this.#hold.cause === cause ? this.#hold.since : undefined
  }

  #isMass(removed: number): boolean {
    return removed >= MIN_REMOVED && removed * 2 > this.#inForce.length
  }

  /** While a mass removal is held, a document that comes back does not release the others. */
  #heldOf(missing: readonly T[]): readonly T[] {
    if (this.#hold?.cause !== 'mass') return []
    const held = new Set(this.#hold.removed.map(({ id }) => id))
    return missing.filter(({ id }) => held.has(id))
  }
}

/** Versions are part of it, so that a confirmation does not count for a later removal of the same documents. */
function holdId(removed: readonly Removable[]): string {
  const text = JSON.stringify(removed.map(({ id, version }) => `${id}@${version}`).toSorted())
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
