import { randomUUID } from 'node:crypto'
import { type Clock, isWithin, repeat } from '../domain/clock.ts'
import { CollectionWatch } from '../firestore/collection-watch.ts'
import type { DocumentStore, WatchedDocument } from '../firestore/document-store.ts'
import type { Logger } from '../telemetry/logger.ts'

const REPLICAS = 'gateway_replicas'
/** Replicas that share a database are found by a field that all of them have. */
const KIND = 'gateway'
/** Shorter than the time in which one has to answer, so that one that is only busy is not taken for one that has ended. */
const PRESENCE_MS = 5000
/** After this time without a renewal a replica counts as ended. */
const PRESENT_FOR_MS = 30_000
const KNOWN_FOR_MS = 5000
const MAIL_FOR_MS = 60_000
/** A document has at most 1 MiB. */
const PART_LENGTH = 900_000
const PROBE_MS = 30_000
const CLOSE_MS = 500
const MAX_KNOWN = 10_000

interface Known {
  readonly isPresent: boolean
  /** Its last announcement. */
  readonly announced: unknown
  /** The announcement behind which it did not answer. */
  readonly silentBehind?: unknown
  readonly until: number
}

/**
 * Texts between replicas, through a collection of documents for each. What one replica sends to another arrives at most
 * once and in the order in which it was sent; unread mail expires.
 */
export class ReplicaMail {
  readonly self: string
  readonly #store: DocumentStore
  readonly #clock: Clock
  readonly #watch: CollectionWatch
  readonly #known = new Map<string, Known>()
  readonly #taken = new Set<string>()
  readonly #parts = new Map<string, string[]>()
  #onText: (from: string, text: string) => void = () => undefined
  #others: { readonly names: readonly string[]; readonly until: number } | undefined
  #cancelPresence: () => void = () => undefined

  constructor(options: {
    self: string
    store: DocumentStore
    clock: Clock
    random: () => number
    logger: Logger
  }) {
    this.self = options.self
    this.#store = options.store
    this.#clock = options.clock
    this.#watch = new CollectionWatch({
      ...options,
      collections: [boxOf(options.self)],
      onDocuments: (_collection, documents) => this.#receive(documents),
      probeMs: PROBE_MS,
      connectMs: PROBE_MS,
    })
  }

  /** Announces this replica, and passes on what arrives for it from then on. */
  start(onText: (from: string, text: string) => void): void {
    this.#onText = onText
    this.#watch.start()
    const announce = (): void => void this.#announce().catch(() => undefined)
    announce()
    this.#cancelPresence = repeat(this.#clock, PRESENCE_MS, announce)
  }

  /** Stores a text for a replica. @throws Error if the store does not take it in time */
  async send(to: string, text: string): Promise<void> {
    const id = randomUUID()
    const expireAt = new Date(this.#clock.now() + MAIL_FOR_MS)
    const parts = Math.max(1, Math.ceil(text.length / PART_LENGTH))
    for (let part = 0; part < parts; part += 1) {
      const piece = text.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH)
      const value = { from: this.self, id, part, parts, text: piece, expireAt }
      await this.#store.set(`${boxOf(to)}/${id}.${part}`, value)
    }
  }

  /** Whether a replica has announced itself, and has not ended; what is known counts for five seconds. */
  async isPresent(replica: string): Promise<boolean> {
    const now = this.#clock.monotonic()
    const known = this.#known.get(replica)
    if (known !== undefined && known.until > now) return known.isPresent
    const document = await this.#store.get(`${REPLICAS}/${replica}`)
    const announced = document?.value['expireAt']
    const silentBehind = this.#known.get(replica)?.silentBehind
    const isSilent = announced !== undefined && announced === silentBehind
    const isPresent = document !== undefined && this.#isCurrent(document) && !isSilent
    this.#note(replica, { isPresent, announced, silentBehind })
    return isPresent
  }

  /** A replica does not answer: it counts as ended until it announces itself again. */
  suspect(replica: string): void {
    const announced = this.#known.get(replica)?.announced
    this.#note(replica, { isPresent: false, announced, silentBehind: announced })
  }

  /** What a replica last announced, as far as it is known here. */
  announcementOf(replica: string): unknown {
    return this.#known.get(replica)?.announced
  }

  /** What a replica has announced by now. @throws Error if the store does not answer */
  async readAnnouncement(replica: string): Promise<unknown> {
    return (await this.#store.get(`${REPLICAS}/${replica}`))?.value['expireAt']
  }

  /** A replica has sent something: it has not ended, whatever was thought of it. */
  heardOf(replica: string): void {
    if (this.#known.get(replica)?.silentBehind !== undefined) this.#known.delete(replica)
  }

  /** The other replicas that have announced themselves. */
  async others(): Promise<readonly string[]> {
    const now = this.#clock.monotonic()
    if (this.#others !== undefined && this.#others.until > now) return this.#others.names
    const found = await this.#store.where(REPLICAS, 'kind', KIND)
    const names = found.filter((each) => each.id !== this.self && this.#isCurrent(each)).map(({ id }) => id)
    this.#others = { names, until: now + KNOWN_FOR_MS }
    return names
  }

  /** Takes the announcement back. Idempotent. */
  async close(): Promise<void> {
    this.#cancelPresence()
    this.#watch.close()
    const taken = this.#store.delete(`${REPLICAS}/${this.self}`).catch(() => undefined)
    // What is not taken back expires.
    await isWithin(this.#clock, taken, CLOSE_MS)
  }

  #note(replica: string, known: Omit<Known, 'until'>): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(replica, { ...known, until: this.#clock.monotonic() + KNOWN_FOR_MS })
  }

  #isCurrent({ value: { expireAt } }: WatchedDocument): boolean {
    return typeof expireAt === 'string' && Date.parse(expireAt) > this.#clock.now()
  }

  async #announce(): Promise<void> {
    const expireAt = new Date(this.#clock.now() + PRESENT_FOR_MS)
    await this.#store.set(`${REPLICAS}/${this.self}`, { kind: KIND, expireAt })
  }

  /** Senders write one text after the other, so that those of one snapshot only have to be put in order. */
  #receive(documents: readonly WatchedDocument[]): void {
    const there = new Set(documents.map(({ id }) => id))
    for (const id of this.#taken) if (!there.has(id)) this.#taken.delete(id)
    const fresh = documents.filter(({ id }) => !this.#taken.has(id))
    for (const document of fresh.toSorted(byTime)) {
      this.#taken.add(document.id)
      void this.#store.delete(`${boxOf(this.self)}/${document.id}`).catch(() => undefined)
      if (this.#isCurrent(document)) this.#take(document)
    }
  }

  #take({ value }: WatchedDocument): void {
    const { from, id, part, parts, text } = value
    if (typeof from !== 'string' || typeof id !== 'string' || typeof text !== 'string') return
    if (typeof part !== 'number' || typeof parts !== 'number') return
    if (parts === 1) return this.#onText(from, text)
    const pieces = this.#parts.get(id) ?? []
    pieces[part] = text
    this.#parts.set(id, pieces)
    if (Object.keys(pieces).length < parts) return
    this.#parts.delete(id)
    this.#onText(from, pieces.join(''))
  }
}

function boxOf(replica: string): string {
  return `${REPLICAS}/${replica}/mail`
}

/** By the time of writing; a version is seconds and nanoseconds. */
function byTime(one: WatchedDocument, other: WatchedDocument): number {
  const [seconds = 0, nanoseconds = 0] = one.version.split('.').map(Number)
  const [otherSeconds = 0, otherNanoseconds = 0] = other.version.split('.').map(Number)
  return seconds - otherSeconds || nanoseconds - otherNanoseconds
}
