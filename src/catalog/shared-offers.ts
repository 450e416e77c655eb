import { createHash } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import type { ServerDefinition, ServerKey } from '../domain/documents/server-definition.ts'
import { canonicalJson, isJsonObject, jsonIn } from '../domain/json/json.ts'
import { CollectionWatch } from '../firestore/collection-watch.ts'
import { RenewalCheck } from '../firestore/renewal-check.ts'
import type { DocumentStore, WatchedDocument } from '../firestore/document-store.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import type { Catalog } from './catalog.ts'
import { offerIn, textOf } from './offer-text.ts'

const COLLECTION = 'gateway_catalog'
const KEEP_MS = 30 * 86_400_000
/** A document has at most 1 MiB. */
const PART_LENGTH = 900_000
const PROBE_MS = 30_000
/** Large documents, and a change that is missed is found by asking the server. */
const RENEWAL_MS = 3_600_000

/** What another replica has listed of a server. */
interface Shared {
  readonly offer: Offer
  /** Of the offer. */
  readonly digest: string
  /** Of the part of the definition that an offer depends on. */
  readonly definition: string
}

/** So long a replica that has just started waits for what others have listed. */
const FIRST_MS = 2000

/**
 * What servers offer, as replicas tell each other: a replica that has just started lists everything at once, as stale
 * until it has asked the servers itself, and a change that one replica has seen is listed by the others, which then ask
 * the server themselves. The offers are documents of Firestore, in parts below its limit; one is written only when it has
 * changed.
 */
export class SharedOffers {
  readonly #store: DocumentStore
  readonly #catalog: Catalog
  readonly #relist: (key: ServerKey) => void
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watch: CollectionWatch
  readonly #shared = new Map<ServerKey, Shared>()
  /** Digests of what this replica has listed itself. */
  readonly #own = new Map<ServerKey, string>()
  /** One write after the other: of two for a server the last one counts. */
  #writing: Promise<void> = Promise.resolve()
  /** Until when the first offers are awaited, in monotonic milliseconds. */
  #awaitedUntil = 0
  readonly #stopFollowing: () => void

  /** @param options.relist asks a server again what it offers */
  constructor(options: {
    store: DocumentStore
    catalog: Catalog
    relist: (key: ServerKey) => void
    clock: Clock
    random: () => number
    logger: Logger
  }) {
    this.#store = options.store
    this.#catalog = options.catalog
    this.#relist = options.relist
    this.#clock = options.clock
    this.#logger = options.logger
    this.#watch = new CollectionWatch({
      ...options,
      collections: [COLLECTION],
      onDocuments: (_collection, documents) => this.#receive(documents),
      probeMs: PROBE_MS,
      connectMs: PROBE_MS,
      renewalMs: RENEWAL_MS,
      check: new RenewalCheck({ store: options.store, name: 'catalog', clock: options.clock }),
    })
    this.#stopFollowing = options.catalog.onChange(() => this.#fill())
  }

  start(): void {
    this.#awaitedUntil = this.#clock.monotonic() + FIRST_MS
    this.#watch.start()
  }

  /** Whether what others have listed is listed here, or has been awaited long enough. */
  get isSettled(): boolean {
    return this.#clock.monotonic() >= this.#awaitedUntil
  }

  close(): void {
    this.#stopFollowing()
    this.#watch.close()
  }

  /** This replica has listed a server. */
  offered(key: ServerKey, offer: Offer): void {
    const server = this.#catalog.snapshot.servers.get(key)
    if (server === undefined || offer.isPartial === true) return
    const text = textOf(offer)
    const digest = digestOf(text)
    const isUnchanged = this.#own.get(key) === digest
    this.#own.set(key, digest)
    const definition = definitionOf(server)
    const shared = this.#shared.get(key)
    // Replicas that are given different offers do not write them in turns.
    if (isUnchanged || (shared?.digest === digest && shared.definition === definition)) return
    this.#shared.set(key, { offer, digest, definition })
    this.#writing = this.#writing.then(() => this.#write({ key, digest, definition, text }))
  }

  async #write(entry: { key: ServerKey; digest: string; definition: string; text: string }): Promise<void> {
    const { text, ...fields } = entry
    const expireAt = new Date(this.#clock.now() + KEEP_MS)
    const parts = Math.max(1, Math.ceil(text.length / PART_LENGTH))
    try {
      for (let part = 0; part < parts; part += 1) {
        const piece = text.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH)
        const path = `${COLLECTION}/${digestOf(entry.key)}.${part}`
        await this.#store.set(path, { ...fields, part, parts, text: piece, expireAt })
      }
    } catch (err) {
      this.#logger.debug({ err, server: entry.key }, 'what a server offers is known at this replica only')
    }
  }

  #receive(documents: readonly WatchedDocument[]): void {
    this.#awaitedUntil = 0
    for (const [key, shared] of entriesIn(documents, (...of) => this.#isShared(...of))) {
      const before = this.#shared.get(key)
      this.#shared.set(key, shared)
      const own = this.#own.get(key)
      const isNews = before !== undefined && before.digest !== shared.digest
      if (own === undefined || own === shared.digest || !isNews || !this.#isFor(key, shared)) continue
      // Listed at once: the server may be slow to answer, or be asked only after a pause.
      this.#catalog.setOffer(key, shared.offer)
      this.#relist(key)
    }
    this.#fill()
  }

  /** Lists what no server has said here yet. */
  #fill(): void {
    for (const [key, shared] of this.#shared) {
      const server = this.#catalog.snapshot.servers.get(key)
      if (server === undefined || this.#catalog.catalogOf(server) !== undefined) continue
      if (this.#isFor(key, shared)) this.#catalog.setOffer(key, shared.offer)
    }
  }

  #isShared(key: ServerKey, { digest, definition }: Omit<Shared, 'offer'>): boolean {
    const shared = this.#shared.get(key)
    return shared?.digest === digest && shared.definition === definition
  }

  #isFor(key: ServerKey, { definition }: Shared): boolean {
    const server = this.#catalog.snapshot.servers.get(key)
    return server !== undefined && definitionOf(server) === definition
  }
}

/** Definitions are immutable, so that each is looked at once. */
const known = new WeakMap<ServerDefinition, string>()

/** What an offer depends on: an edit of rights or limits leaves it as it is. */
function definitionOf(server: ServerDefinition): string {
  const before = known.get(server)
  if (before !== undefined) return before
  const {
    requiredRoles: _roles,
    agentAllowlist: _agents,
    tools: _tools,
    toolChanges: _changes,
    description: _text,
    ...rest
  } = server
  const digest = digestOf(canonicalJson(rest))
  known.set(server, digest)
  return digest
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/**
 * The offers of which all parts are there, and that are not known yet: a change of one document comes with all documents,
 * which may be thousands.
 */
function entriesIn(
  documents: readonly WatchedDocument[],
  isKnown: (key: ServerKey, of: Omit<Shared, 'offer'>) => boolean,
): Map<ServerKey, Shared> {
  const pieces = new Map<
    string,
    { readonly key: string; readonly definition: string; readonly texts: string[] }
  >()
  const entries = new Map<ServerKey, Shared>()
  for (const { value } of documents) {
    const { key, digest, definition, part, parts, text } = value
    if (typeof key !== 'string' || typeof digest !== 'string' || typeof definition !== 'string') continue
    if (typeof part !== 'number' || typeof parts !== 'number' || typeof text !== 'string') continue
    if (isKnown(key, { digest, definition })) continue
    const id = `${key} ${digest}`
    const found = pieces.get(id) ?? { key, definition, texts: [] }
    found.texts[part] = text
    pieces.set(id, found)
    if (Object.keys(found.texts).length < parts) continue
    const offer = offerOf(found.texts)
    if (offer !== undefined) entries.set(key, { offer, digest, definition })
  }
  return entries
}

function offerOf(texts: readonly string[]): Offer | undefined {
  const whole = jsonIn(texts.join(''))
  return isJsonObject(whole) ? offerIn(whole) : undefined
}
