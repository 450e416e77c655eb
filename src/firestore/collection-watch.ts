import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { DocumentStore, WatchedDocument } from './document-store.ts'
import { digestOf, type RenewalCheck } from './renewal-check.ts'

/**
 * `connecting`: nothing has come yet, and it is early. `live`: every collection is known and the store answers.
 * `stale`: what is known may be out of date.
 */
export type WatchState = 'connecting' | 'live' | 'stale'

/** How far what is known can be believed. */
export interface WatchStatus {
  readonly state: WatchState
  /** Wall time in milliseconds since which changes may have been missed; undefined while live. */
  readonly staleSince: number | undefined
  /** Milliseconds since the store last confirmed what is known; since the start before it ever did. */
  readonly ageMs: number
}

/** How long a subscription may take until every collection has come. */
const FIRST_SNAPSHOT_MS = 10_000
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 4000
/** A listener can miss a change without a word, above all one that met a store that was just starting. */
const FIRST_RENEWAL_MS = 2000
const RENEWAL_MS = 300_000
/** Renewals of large collections are that much further apart, so that they read no more than a document a second. */
const MS_PER_DOCUMENT = 1000

/**
 * Watches collections as one: live when all of them are. A listener of Firestore is silent during an outage and dead
 * after a long one, so the store is probed; when it answers again, or after an error of a listener, all collections are
 * subscribed again, with growing delays. Each subscription begins with all documents, and is renewed once soon after it
 * was made, and then every five minutes, so that changes that a listener missed are found; more rarely where there are
 * more than 300 documents. Where replicas have a check, one of them reads in each of these times, and the others only
 * compare what they have.
 */
export class CollectionWatch {
  readonly #store: DocumentStore
  readonly #collections: readonly string[]
  readonly #onDocuments: (collection: string, documents: readonly WatchedDocument[]) => void
  readonly #onState: (state: WatchState) => void
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  readonly #probeMs: number
  readonly #connectMs: number
  readonly #renewalMs: number
  readonly #check: RenewalCheck | undefined
  #closed = false
  #state: WatchState = 'connecting'
  #staleSince: number | undefined
  /** When the store last confirmed what is known: monotonic, and by the wall. */
  #confirmed: { readonly monotonic: number; readonly wall: number }
  /** Counts subscriptions: what an earlier one says is not heard. */
  #turn = 0
  /** Collections that have to come before it is live (again). */
  #missing = new Set<string>()
  /** The documents of each collection, as they came last. */
  readonly #documents = new Map<string, readonly WatchedDocument[]>()
  #unsubscribes: (() => void)[] = []
  #failures = 0
  #wasLive = false
  /** Whether the present outage was logged. */
  #hasWarned = false
  #cancelProbe: () => void = () => {}
  #cancelFirst: () => void = () => {}
  #cancelRenewal: () => void = () => {}

  /**
   * @param options.probeMs time between two probes while live
   * @param options.connectMs after this time without any answer it is stale instead of connecting
   * @param options.renewalMs time between two renewals, each of which reads everything again; at least five minutes by default
   * @param options.check of all replicas that watch the same; by default each one reads by itself
   */
  constructor(options: {
    store: DocumentStore
    collections: readonly string[]
    onDocuments: (collection: string, documents: readonly WatchedDocument[]) => void
    onState?: (state: WatchState) => void
    clock: Clock
    random: () => number
    logger: Logger
    probeMs: number
    connectMs: number
    renewalMs?: number
    check?: RenewalCheck
  }) {
    this.#store = options.store
    this.#collections = options.collections
    this.#onDocuments = options.onDocuments
    this.#onState = options.onState ?? (() => {})
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
    this.#probeMs = options.probeMs
    this.#connectMs = options.connectMs
    this.#renewalMs = options.renewalMs ?? RENEWAL_MS
    this.#check = options.check
    this.#confirmed = this.#now()
  }

  get status(): WatchStatus {
    return {
      state: this.#state,
      staleSince: this.#staleSince,
      ageMs: this.#clock.monotonic() - this.#confirmed.monotonic,
    }
  }

  /** Subscribes; to be called once. */
  start(): void {
    this.#confirmed = this.#now()
    this.#subscribe()
    this.#clock.after(this.#connectMs, () => {
      // Not yet a word of it: a store that has just started may take a few seconds for its first answer.
      if (this.#state === 'connecting' && !this.#closed) this.#becomeStale()
    })
    this.#scheduleProbe(this.#probeMs)
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true
    this.#cancelProbe()
    this.#unsubscribe()
  }

  #now(): { monotonic: number; wall: number } {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.now() }
  }

  #subscribe({ renewMs = FIRST_RENEWAL_MS }: { renewMs?: number } = {}): void {
    this.#unsubscribe()
    this.#renewAfter(renewMs)
    const turn = this.#turn
    this.#missing = new Set(this.#collections)
    this.#unsubscribes = this.#collections.map((collection) =>
      this.#store.listen(
        collection,
        (documents) => {
          if (turn === this.#turn) this.#take(collection, documents)
        },
        (error) => {
          if (turn === this.#turn) this.#fail(error)
        },
      ),
    )
    this.#cancelFirst = this.#clock.after(FIRST_SNAPSHOT_MS, () => {
      if (this.#missing.size > 0) this.#fail(new Error(`no snapshot within ${FIRST_SNAPSHOT_MS} ms`))
    })
  }

  #renewAfter(delayMs: number): void {
    this.#cancelRenewal = this.#clock.after(delayMs, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    if (this.#state !== 'live') return
    const documents = [...this.#documents.values()].reduce((sum, { length }) => sum + length, 0)
    const renewMs = Math.max(this.#renewalMs, documents * MS_PER_DOCUMENT)
    if (this.#check === undefined) return this.#subscribe({ renewMs })
    const turn = this.#turn
    const hasRead = await this.#check.hasRead(this.#digest, renewMs)
    if (this.#closed || turn !== this.#turn || this.#state !== 'live') return
    // Not all at once: the first of them spares the others the reading.
    const laterMs = renewMs * (1 + this.#random() / 10)
    if (hasRead) this.#renewAfter(laterMs)
    else this.#subscribe({ renewMs: laterMs })
  }

  get #digest(): string {
    return this.#collections.map((name) => digestOf(this.#documents.get(name) ?? [])).join(' ')
  }

  #unsubscribe(): void {
    this.#turn += 1
    this.#cancelFirst()
    this.#cancelRenewal()
    for (const unsubscribe of this.#unsubscribes) unsubscribe()
    this.#unsubscribes = []
  }

  #take(collection: string, documents: readonly WatchedDocument[]): void {
    const isAnew = this.#missing.delete(collection)
    this.#documents.set(collection, documents)
    this.#onDocuments(collection, documents)
    if (this.#missing.size > 0) return
    if (isAnew) void this.#check?.read(this.#digest)
    this.#cancelFirst()
    this.#confirmed = this.#now()
    this.#staleSince = undefined
    this.#failures = 0
    this.#wasLive = true
    if (this.#state === 'live') return
    if (this.#hasWarned) this.#logger.info('Firestore responds again')
    this.#hasWarned = false
    this.#enter('live')
    this.#scheduleProbe(this.#probeMs)
  }

  /** A listener ended, or the store did not answer. The subscription stays: it may recover before the next try. */
  #fail(error: unknown): void {
    if (this.#closed) return
    this.#becomeStale()
    if (this.#hasWarned) return
    this.#hasWarned = true
    const meanwhile = this.#wasLive ? 'the last snapshot stays in use' : 'the gateway keeps trying'
    this.#logger.warn({ err: error }, `Firestore does not respond: ${messageOf(error)}; ${meanwhile}`)
  }

  #becomeStale(): void {
    this.#failures += 1
    this.#missing = new Set(this.#collections)
    this.#scheduleProbe(this.#retryMs())
    if (this.#state === 'stale') return
    this.#staleSince = this.#confirmed.wall
    this.#enter('stale')
  }

  #enter(state: WatchState): void {
    this.#state = state
    this.#onState(state)
  }

  #retryMs(): number {
    const limit = Math.min(RETRY_MIN_MS * 2 ** (this.#failures - 1), RETRY_MAX_MS, this.#probeMs)
    return limit * (0.5 + this.#random() / 2)
  }

  #scheduleProbe(delayMs: number): void {
    this.#cancelProbe()
    if (this.#closed) return
    this.#cancelProbe = this.#clock.after(delayMs, () => void this.#probe())
  }

  async #probe(): Promise<void> {
    const turn = this.#turn
    const stateBefore = this.#state
    try {
      await this.#store.probe()
    } catch (error) {
      if (turn === this.#turn) this.#fail(error)
      return
    }
    if (this.#closed || turn !== this.#turn) return
    if (this.#state === 'stale') {
      // The listener may be dead, or waiting in its own backoff.
      this.#subscribe()
    } else {
      if (stateBefore === 'live') this.#confirmed = this.#now()
      this.#scheduleProbe(this.#probeMs)
    }
  }
}
