import { type Clock, sleep } from '../../domain/clock.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import { CollectionWatch, type WatchStatus } from '../../firestore/collection-watch.ts'
import { RenewalCheck } from '../../firestore/renewal-check.ts'
import type { DocumentStore, WatchedDocument } from '../../firestore/document-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { COLLECTIONS, eachSection, type WatchedRegistry } from '../collections.ts'
import { HoldLog } from '../hold-log.ts'
import { RegistryHolds } from './firestore-holds.ts'
import { confirmationPath, confirmedAmong, CONFIRM_TENANTS } from './firestore-confirmations.ts'
import { StoreIdentity } from './firestore-identity.ts'
import { type LastGoodContent, LastGoodRegistry } from './firestore-last-good.ts'
import { heldEntries, statusesOf } from './firestore-parse.ts'
import { StatusWriter } from './firestore-status.ts'
import { PendingWrites } from './firestore-writes.ts'
import type { LastGood } from '../documents/parse.ts'
import type { Checks } from '../documents/check-server.ts'
import { SnapshotSeries } from '../documents/snapshot-series.ts'
import type { RegistrySource, WrittenDocument } from '../registry-source.ts'
import { ownerOf, type TenantDirectory } from '../tenants.ts'

/** What changes within this time is taken over in one step. */
const COALESCE_MS = 50
/** While a removal is held back: how often its confirmation is looked for. */
const HOLD_POLL_MS = 2000
/** The same while tenants without a document serve on, which nothing is waiting for. */
const TENANTS_POLL_MS = 30_000
/** The store gets this time at a start before the last good registry serves: it may be out of date. */
const FIRST_SNAPSHOT_MS = 2000
/** How long a mass removal has to stand before it takes effect. */
const RELEASE_AFTER_MS = 600_000

/** How far the registry in force can be believed. */
export interface RegistryStatus extends WatchStatus {
  /** Documents that are gone from the store and serve on, see `RemovalGuard`. */
  readonly held: number
}

/**
 * A registry in Firestore: `mcp_servers/{id}`, `mcp_templates/{id}`, `pipelines/{id}` and `enhancement_rules/{id}`,
 * checked like the documents of a file but with `tenantId` required, and `tenants/{tenantId}`. During an outage the last
 * good registry stays in force, also across a restart.
 *
 * A mass removal is held back, see `RemovalGuard`: it takes effect after 10 minutes, or when an operator creates the
 * document `catalog_snapshots/confirm-<id of the hold>` with any content. If the database itself was replaced or
 * wiped, it takes effect only on confirmation. The id is in the log and in the reasons of the quarantine.
 */
export class FirestoreSource implements RegistrySource {
  readonly #directory: TenantDirectory
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #store: DocumentStore
  readonly #watch: CollectionWatch
  readonly #lastGoodRegistry: LastGoodRegistry
  readonly #statuses: StatusWriter
  readonly #identity: StoreIdentity
  readonly #holds: RegistryHolds
  readonly #holdLog: HoldLog
  readonly #series: SnapshotSeries
  readonly #writes: PendingWrites
  readonly #firstSnapshot = Promise.withResolvers<void>()
  #onSnapshot: (snapshot: Snapshot) => void = () => {}
  #closed = false
  #incoming = new Map<string, readonly WatchedDocument[]>()
  #fromFile: LastGoodContent | undefined
  /** Whether the guards know what was in force before this start. */
  #isBased = false
  /** Last good versions of what is quarantined now. */
  #definitions: LastGood = new Map()
  #cancelRun: (() => void) | undefined
  #cancelPoll: () => void = () => {}
  #working: Promise<void> = Promise.resolve()
  /** Whether what the store says now could not be taken over. */
  #hasFailed = false

  /**
   * @param options.directory is told the tenants, before the servers that belong to them
   * @param options.lastGoodFile its folder exists
   * @param options.database names project and database
   * @param options.probeMs time between two looks whether the store answers
   */
  constructor(options: {
    store: DocumentStore
    directory: TenantDirectory
    /** How documents of servers are checked. */
    checks?: Checks
    lastGoodFile: string
    database: string
    clock: Clock
    random: () => number
    logger: Logger
    probeMs: number
    releaseAfterMs?: number
  }) {
    const { store, clock, random, logger, probeMs } = options
    this.#store = store
    this.#directory = options.directory
    this.#series = new SnapshotSeries({ ...options, defaultTenant: undefined })
    this.#clock = clock
    this.#logger = logger
    this.#lastGoodRegistry = new LastGoodRegistry({ ...options, file: options.lastGoodFile })
    this.#identity = new StoreIdentity({
      registry: this.#lastGoodRegistry,
      onSilence: () => this.#pollSoon(),
    })
    this.#writes = new PendingWrites({ clock })
    this.#statuses = new StatusWriter({ store, clock, logger })
    this.#holdLog = new HoldLog({ logger })
    this.#holds = new RegistryHolds({ releaseAfterMs: options.releaseAfterMs ?? RELEASE_AFTER_MS })
    this.#watch = new CollectionWatch({
      store,
      collections: Object.values(COLLECTIONS),
      onDocuments: (collection, documents) => {
        this.#incoming.set(collection, documents)
        this.#runSoon(COALESCE_MS)
      },
      onState: (state) => {
        if (state === 'live') this.#identity.doubt()
      },
      clock,
      random,
      logger,
      probeMs,
      connectMs: FIRST_SNAPSHOT_MS,
      check: new RenewalCheck({ store, name: 'registry', clock }),
    })
  }

  get status(): RegistryStatus {
    const status = this.#watch.status
    return { ...status, ...(this.#hasFailed && { state: 'stale' }), held: this.#holds.size }
  }

  /**
   * Resolves after the first snapshot, at the latest after 2 s: then with the last good registry in force, or with
   * none at all, and the first snapshot comes when the store does. Never rejects.
   */
  async start(onSnapshot: (snapshot: Snapshot) => void): Promise<void> {
    this.#onSnapshot = onSnapshot
    this.#fromFile = await this.#lastGoodRegistry.fromFile()
    if (this.#closed) return
    this.#watch.start()
    await Promise.race([this.#firstSnapshot.promise, sleep(this.#clock, FIRST_SNAPSHOT_MS)])
    if (this.#closed || this.#series.generation > 0 || this.#fromFile === undefined) return
    const { definitions, tolerated: _tolerated, ...registry } = this.#fromFile
    this.#logger.warn(
      { servers: registry.servers.length },
      'the last good registry is in use until Firestore responds',
    )
    this.#series.rebase(definitions)
    this.#directory.tolerate(servedIn(this.#fromFile))
    this.#take(registry, false)
  }

  caughtUp(written: WrittenDocument): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#writes.wait(written)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#writes.close()
    this.#watch.close()
    this.#statuses.close()
    this.#cancelRun?.()
    this.#cancelPoll()
    this.#firstSnapshot.resolve()
    await this.#working
    await this.#lastGoodRegistry.close()
  }

  #runSoon(delayMs: number): void {
    if (this.#closed) return
    this.#cancelRun ??= this.#clock.after(delayMs, () => {
      this.#cancelRun = undefined
      this.#working = this.#working
        .then(() => this.#run())
        .catch((error: unknown) => this.#fail(error, 'applying the registry failed'))
    })
  }

  #fail(error: unknown, what: string): void {
    this.#hasFailed = true
    this.#logger.error({ err: error }, what)
  }

  async #run(): Promise<void> {
    if (!this.#isBased) await this.#findBase()
    const stored = this.#stored()
    if (this.#closed || stored === undefined) return
    const isMissing = this.#holds.isMissingFrom(stored)
    const assumed = (): boolean => this.#isAssumedRecreated()
    const recreated = await this.#identity.isOther({ isMissing, assumed })
    const confirmed = await this.#confirmed(isMissing, stored)
    if (this.#closed) return
    await this.#directory.prepare(stored.tenants)
    await this.#series.prepare(stored)
    if (this.#closed) return
    const inForce = this.#holds.judge(stored, { recreated, confirmed, now: this.#clock.now() })
    this.#take(inForce, confirmed.has(CONFIRM_TENANTS))
    this.#followHold(recreated)
    if (recreated) this.#identity.doubt()
    if (this.#holds.size === 0) await this.#identity.settle()
    const tolerated = [...this.#directory.snapshot.tolerated]
    this.#lastGoodRegistry.save({ ...inForce, definitions: this.#definitions, tolerated })
    this.#writes.look(stored)
  }

  /** What the store holds; undefined until every collection has come, be it empty. */
  #stored(): WatchedRegistry | undefined {
    if (Object.values(COLLECTIONS).some((collection) => !this.#incoming.has(collection))) return undefined
    return eachSection((section) => this.#incoming.get(COLLECTIONS[section]) ?? [])
  }

  /** What was in force before this start: as other gateways know it, else as this one did. */
  async #findBase(): Promise<void> {
    const inStore = await this.#lastGoodRegistry.fromStore().catch(() => undefined)
    const base = inStore ?? this.#fromFile
    this.#isBased = true
    if (base === undefined) return
    this.#holds.rebase(base)
    if (this.#series.generation > 0) return
    this.#directory.tolerate(servedIn(base))
    this.#series.rebase(base.definitions)
  }

  /** Without an answer what is held stays so, and what is newly missing is held until there is one. */
  #isAssumedRecreated(): boolean {
    const [hold] = this.#holds.all
    return hold === undefined || hold.cause === 'recreated'
  }

  #confirmed(isMissing: boolean, { tenants }: WatchedRegistry): Promise<Set<string>> {
    const holds = isMissing ? this.#holds.all.map(({ id }) => id) : []
    const { inUse, tolerated } = this.#directory.snapshot
    const isOpen = tolerated.size > 0 || (!inUse && tenants.length > 0)
    return confirmedAmong(this.#store, [...holds, ...(isOpen ? [CONFIRM_TENANTS] : [])])
  }

  /** Puts documents in force, the tenants before those that belong to them. */
  #take({ tenants, ...documents }: WatchedRegistry, isConfirmed: boolean): void {
    this.#hasFailed = false
    this.#takeTenants(tenants, isConfirmed)
    const snapshot = this.#series.parse(documents)
    const { lastGood } = this.#series
    const quarantined = new Set(snapshot.quarantined.map(({ id }) => id))
    this.#definitions = new Map([...lastGood].filter(([id]) => quarantined.has(id)))
    const held = this.#holds.all.flatMap((hold) => heldEntries(hold, lastGood))
    const refused = [...snapshot.quarantined, ...this.#directory.snapshot.quarantined]
    this.#series.emit({ ...snapshot, quarantined: [...refused, ...held] }, this.#onSnapshot)
    this.#firstSnapshot.resolve()
    if (this.#watch.status.state === 'live') {
      const statuses = statusesOf(documents.servers, snapshot.quarantined, this.#holds.of('servers'))
      this.#statuses.report(statuses, this.#series.generation)
    }
  }

  /** Servers follow the store also where some part of the gateway does not follow the tenants. */
  #takeTenants(tenants: readonly WatchedDocument[], isConfirmed: boolean): void {
    try {
      const howToConfirm = `create ${confirmationPath(CONFIRM_TENANTS)}`
      this.#directory.apply(tenants, { isConfirmed, howToConfirm })
    } catch (error) {
      this.#fail(error, 'applying the tenants failed')
    }
  }

  #followHold(recreated: boolean): void {
    const holds = this.#holds.all
    if (holds.length > 0) this.#pollSoon()
    else if (this.#directory.snapshot.tolerated.size > 0) this.#pollSoon(TENANTS_POLL_MS)
    this.#holdLog.report(
      holds.map(({ section, id, cause, removed }) => {
        const documents = removed.map((document) => document.id).slice(0, 50)
        return {
          key: `${id} ${cause}`,
          facts: { hold: id, section, cause, recreated, documents },
          message: `the removal of ${removed.length} documents is held back; confirm it with ${confirmationPath(id)}`,
        }
      }),
    )
  }

  #pollSoon(delayMs = HOLD_POLL_MS): void {
    this.#cancelPoll()
    if (this.#closed) return
    this.#cancelPoll = this.#clock.after(delayMs, () => this.#runSoon(0))
  }
}

/** The tenants that served when this was saved, whether they had a document or not. */
function servedIn({ tenants, tolerated, servers, pipelines }: LastGoodContent): string[] {
  if (tenants.length > 0) return [...tolerated]
  return [...servers, ...pipelines].flatMap(({ value }) => ownerOf(value) ?? [])
}
