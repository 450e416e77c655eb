import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import type { TenantDirectory } from '../tenants.ts'
import type { Checks } from './check-server.ts'
import type { LastGood } from './parse.ts'
import {
  isSameSnapshot,
  parseSections,
  prepareSections,
  SectionMemory,
  type SnapshotDocuments,
} from './parse-sections.ts'

/** The snapshots that successive versions of a registry's documents make; each that differs from the last is handed over. */
export class SnapshotSeries {
  readonly #directory: TenantDirectory
  readonly #defaultTenant: string | undefined
  readonly #checks: Checks
  readonly #memory = new SectionMemory()
  #lastGood: LastGood = new Map()
  #generation = 0
  #emitted: Snapshot | undefined

  /**
   * @param options.directory its tenants are those to which documents may belong
   * @param options.defaultTenant tenant of documents that name none; without it each document must name one
   * @param options.checks how documents of servers are checked
   */
  constructor(options: { directory: TenantDirectory; defaultTenant: string | undefined; checks?: Checks }) {
    this.#directory = options.directory
    this.#defaultTenant = options.defaultTenant
    this.#checks = options.checks ?? {}
  }

  /** Number of the snapshot that was handed over last; 0 before the first one. */
  get generation(): number {
    return this.#generation
  }

  /** Last good versions of the documents of servers, by document id. */
  get lastGood(): ReadonlyMap<string, ServerDefinition> {
    return this.#lastGood
  }

  /** Says which versions were in force before the first snapshot. */
  rebase(lastGood: LastGood): void {
    this.#lastGood = lastGood
  }

  /** Checks documents before `parse` needs them, in slices that leave time for other work. */
  prepare(documents: SnapshotDocuments): Promise<void> {
    const defaultTenant = this.#defaultTenant
    return prepareSections(documents, { memory: this.#memory, defaultTenant, checks: this.#checks })
  }

  /** Makes a snapshot of documents. The last good version of a server serves on where its document is invalid. */
  parse(documents: SnapshotDocuments): Snapshot {
    const { snapshot, lastGood } = parseSections({
      checks: this.#checks,
      documents,
      tenants: this.#directory.snapshot,
      defaultTenant: this.#defaultTenant,
      previous: this.#lastGood,
      generation: this.#generation + 1,
      memory: this.#memory,
    })
    this.#lastGood = lastGood
    return snapshot
  }

  /** Hands over a snapshot unless it equals the last one; returns whether it did. */
  emit(snapshot: Snapshot, to: (snapshot: Snapshot) => void): boolean {
    if (isSameSnapshot(this.#emitted, snapshot)) return false
    this.#emitted = snapshot
    this.#generation += 1
    to({ ...snapshot, generation: this.#generation })
    return true
  }
}
