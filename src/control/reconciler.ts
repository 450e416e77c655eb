import {
  type ServerDefinition,
  type ServerKey,
  serverKey,
  withoutEffect,
} from '../domain/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../domain/snapshot.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type Changes, diff } from './diff.ts'

/** What the reconciler drives: the connections. No method waits for a connection. */
export interface ReconciledUpstreams {
  start(server: ServerDefinition): void
  /** New connections are made as the definition says; calls in flight finish on the old ones. */
  replace(server: ServerDefinition): void
  /** Takes over the definition and keeps the connections. */
  update(server: ServerDefinition): void
  stop(key: ServerKey): void
}

/** What is told of every snapshot before any connection is touched. */
export interface ReconciledCatalog {
  applySnapshot(snapshot: Snapshot): void
}

/**
 * The one writer of running state: makes it what the newest snapshot says. Access rules take effect at once,
 * connections follow. One snapshot at a time; of those that come in meanwhile only the newest is applied.
 */
export class Reconciler {
  readonly #upstreams: ReconciledUpstreams
  readonly #catalog: ReconciledCatalog
  readonly #logger: Logger
  #snapshot: Snapshot = EMPTY_SNAPSHOT
  #next: Snapshot | undefined
  #applying = false

  constructor(options: { upstreams: ReconciledUpstreams; catalog: ReconciledCatalog; logger: Logger }) {
    this.#upstreams = options.upstreams
    this.#catalog = options.catalog
    this.#logger = options.logger
  }

  /** The snapshot that is in force. */
  get snapshot(): Snapshot {
    return this.#snapshot
  }

  /** Puts a snapshot in force, unless a newer one already is. Never throws. */
  apply(snapshot: Snapshot): void {
    if (snapshot.generation > (this.#next?.generation ?? this.#snapshot.generation)) this.#next = snapshot
    if (this.#applying) return
    this.#applying = true
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined
      this.#reconcile(next)
    }
    this.#applying = false
  }

  #reconcile(next: Snapshot): void {
    const previous = this.#snapshot
    const changes = diff(previous, next)
    this.#snapshot = next
    this.#attempt('catalog', () => this.#catalog.applySnapshot(next))
    for (const key of changes.removed) this.#attempt(key, () => this.#upstreams.stop(key))
    for (const server of changes.replaced)
      this.#attempt(serverKey(server), () => this.#upstreams.replace(server))
    for (const server of changes.updated)
      this.#attempt(serverKey(server), () => this.#upstreams.update(server))
    for (const server of changes.added) this.#attempt(serverKey(server), () => this.#upstreams.start(server))
    this.#report(previous, next, changes)
  }

  /** A failure at one server must not keep the others from their change. */
  #attempt(target: string, step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#logger.error({ target, err: error }, 'applying the registry failed here')
    }
  }

  #report(previous: Snapshot, next: Snapshot, changes: Changes): void {
    const { added, replaced, updated, removed } = changes
    this.#logger.info(
      {
        generation: next.generation,
        servers: next.servers.size,
        added: added.length,
        replaced: replaced.length,
        updated: updated.length,
        removed: removed.length,
        quarantined: next.quarantined.length,
      },
      'registry applied',
    )
    for (const server of [...added, ...replaced, ...updated]) {
      for (const warning of withoutEffect(server)) this.#logger.warn({ server: serverKey(server) }, warning)
    }
    const known = new Set(previous.quarantined.map(({ id, reason }) => `${id} ${reason}`))
    for (const document of next.quarantined) {
      if (known.has(`${document.id} ${document.reason}`)) continue
      this.#logger.warn({ ...document }, 'registry document quarantined')
    }
  }
}
