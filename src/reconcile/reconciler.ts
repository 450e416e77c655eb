import {
  type ServerDefinition,
  type ServerKey,
  serverKey,
  withoutEffect,
} from '../domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../domain/snapshot.ts'
import { unfilledWarnings } from '../domain/documents/unfilled.ts'
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

/** A part of the gateway that follows the registry, too, and is told after the catalog. */
export interface Follower {
  setServers(servers: Snapshot['servers']): void
}

/** What a `Reconciler` keeps in line with the registry. */
export interface ReconcilerOptions {
  readonly upstreams: ReconciledUpstreams
  readonly catalog: ReconciledCatalog
  readonly followers?: Readonly<Record<string, Follower>>
  readonly logger: Logger
}

const NO_CHANGES: Changes = { added: [], replaced: [], updated: [], removed: [] }

/**
 * The one writer of running state: makes it what the newest snapshot says. Access rules take effect at once,
 * connections follow. One snapshot at a time; of those that come in meanwhile only the newest is applied. What fails at
 * one part or server keeps nothing else from its change, is tried again with the next snapshot, and is in `failures`
 * until it succeeds.
 */
export class Reconciler {
  readonly #upstreams: ReconciledUpstreams
  readonly #catalog: ReconciledCatalog
  readonly #followers: Readonly<Record<string, Follower>>
  readonly #logger: Logger
  readonly #failedParts = new Set<string>()
  readonly #failedServers = new Set<ServerKey>()
  #snapshot: Snapshot = EMPTY_SNAPSHOT
  /** What the connections are known to be like. */
  #connected: Pick<Snapshot, 'servers'> = EMPTY_SNAPSHOT
  #next: Snapshot | undefined
  #applying = false

  constructor({ upstreams, catalog, followers = {}, logger }: ReconcilerOptions) {
    this.#upstreams = upstreams
    this.#catalog = catalog
    this.#followers = followers
    this.#logger = logger
  }

  /** The snapshot that is in force. */
  get snapshot(): Snapshot {
    return this.#snapshot
  }

  /** The parts of the gateway and the servers to which the snapshot in force could not be applied. */
  get failures(): readonly string[] {
    return [...this.#failedParts, ...this.#failedServers]
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
    this.#snapshot = next
    this.#part('catalog', () => this.#catalog.applySnapshot(next))
    for (const [name, follower] of Object.entries(this.#followers))
      this.#part(name, () => follower.setServers(next.servers))
    let changes = NO_CHANGES
    this.#part('connections', () => {
      changes = diff(this.#connected, next)
      this.#connect(changes, next)
    })
    this.#part('log', () => this.#report(previous, next, changes))
  }

  #connect({ added, replaced, updated, removed }: Changes, next: Snapshot): void {
    const before = this.#connected.servers
    const connected = new Map(next.servers)
    this.#failedServers.clear()
    for (const key of removed) {
      if (this.#server(key, () => this.#upstreams.stop(key))) continue
      const server = before.get(key)
      if (server !== undefined) connected.set(key, server)
    }
    const open = (servers: readonly ServerDefinition[], step: (server: ServerDefinition) => void): void => {
      for (const server of servers) {
        const key = serverKey(server)
        if (!this.#server(key, () => step(server))) connected.delete(key)
      }
    }
    open(replaced, (server) => this.#upstreams.replace(server))
    open(updated, (server) => this.#upstreams.update(server))
    open(added, (server) => this.#upstreams.start(server))
    this.#connected = { servers: connected }
  }

  #part(name: string, step: () => void): void {
    if (this.#attempt(name, step)) this.#failedParts.delete(name)
    else this.#failedParts.add(name)
  }

  #server(key: ServerKey, step: () => void): boolean {
    const succeeded = this.#attempt(key, step)
    if (!succeeded) this.#failedServers.add(key)
    return succeeded
  }

  /** A failure here must not keep anything else from its change; says whether there was none. */
  #attempt(target: string, step: () => void): boolean {
    try {
      step()
      return true
    } catch (error) {
      this.#logger.error({ target, err: error }, 'applying the registry failed')
      return false
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
      for (const warning of [...withoutEffect(server), ...unfilledWarnings(server)])
        this.#logger.warn({ server: serverKey(server) }, warning)
    }
    const known = new Set(previous.quarantined.map(({ id, reason }) => `${id} ${reason}`))
    for (const document of next.quarantined) {
      if (known.has(`${document.id} ${document.reason}`)) continue
      this.#logger.warn({ ...document }, 'registry document quarantined')
    }
  }
}
