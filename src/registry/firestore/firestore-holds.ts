import type { WatchedDocument } from '../../firestore/document-store.ts'
import { eachSection, type Section, type WatchedRegistry } from '../collections.ts'
import { type Hold, RemovalGuard, type RemovalFacts } from '../mass-removal.ts'

/** What is held back of one part of the registry. */
export type SectionHold = Hold<WatchedDocument> & { readonly section: Section }

/** A `RemovalGuard` for each part of a registry in Firestore. */
export class RegistryHolds {
  readonly #guards: Readonly<Record<Section, RemovalGuard<WatchedDocument>>>

  constructor(options: { releaseAfterMs: number }) {
    this.#guards = eachSection(() => new RemovalGuard(options))
  }

  /** What is held back, servers first; empty when nothing is. */
  get all(): readonly SectionHold[] {
    return Object.values(
      eachSection((section) => {
        const { hold } = this.#guards[section]
        return hold === undefined ? [] : [{ section, ...hold }]
      }),
    ).flat()
  }

  /** How many documents are held back. */
  get size(): number {
    return this.all.reduce((sum, { removed }) => sum + removed.length, 0)
  }

  of(section: Section): Hold<WatchedDocument> | undefined {
    return this.#guards[section].hold
  }

  /** Says what was in force before, when this process has not seen it itself. */
  rebase(registry: WatchedRegistry): void {
    eachSection((section) => this.#guards[section].rebase(registry[section]))
  }

  /** Whether a document in force is not among these. */
  isMissingFrom(registry: WatchedRegistry): boolean {
    return Object.values(eachSection((section) => this.#guards[section].missingFrom(registry[section]))).some(
      (missing) => missing.length > 0,
    )
  }

  /** The documents to serve, given those of the store. */
  judge(registry: WatchedRegistry, facts: RemovalFacts): WatchedRegistry {
    return eachSection((section) => this.#guards[section].judge(registry[section], facts))
  }
}
