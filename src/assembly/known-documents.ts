import { digestOf } from '../cache/digest.ts'
import type { Clock } from '../domain/clock.ts'
import { isJsonObject, jsonIn } from '../domain/json/json.ts'
import type { RegistryEdit } from '../registry/registry-edits.ts'
import { stateKey } from '../state/state-key.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Logger } from '../telemetry/logger.ts'

const COLLECTION = 'known-documents'
/** Is there from the first registry on that was noted. */
const MARK = 'noted'
const PAGE = 500
const RETRY_MS = 30_000
const DIGEST_LENGTH = 24
/** Documents of a tenant in one section; of those beyond, edits while no gateway ran are not seen. */
const MAX_NOTED = 3000

interface KnownOptions {
  readonly store: Pick<StateStore, 'get' | 'put' | 'delete' | 'list'>
  /** Told of what has changed since the last gateway ran. */
  readonly onEdits: (edits: readonly RegistryEdit[]) => void
  readonly clock: Clock
  readonly logger: Logger
}

type Digests = Map<string, string>
type Place = Pick<RegistryEdit, 'section' | 'tenantId'>

/** A document in force. */
interface Digested {
  readonly document: RegistryEdit
  readonly digest: string
}

/**
 * Notes digests of the documents that are in force, so that the next gateway that starts sees what was edited while none
 * ran.
 */
export class KnownDocuments {
  readonly #options: KnownOptions
  /** By the key of their tenant and section. */
  readonly #known = new Map<string, Digests>()
  #work: Promise<void> = Promise.resolve()
  #cancelRetry: () => void = () => undefined
  #isCompared = false
  #isClosed = false

  constructor(options: KnownOptions) {
    this.#options = options
  }

  /** Compares the first documents in force with those that were noted, and notes them. Never throws. */
  base(documents: readonly RegistryEdit[]): void {
    const digested = documents.map((document) => ({ document, digest: shortDigest(document.after) }))
    for (const { document, digest } of digested) this.#digestsOf(document).set(document.name, digest)
    this.#do(() => this.#compare(digested))
  }

  /** Notes what has changed. Never throws. */
  take(edits: readonly RegistryEdit[]): void {
    const touched = this.#apply(edits)
    // Until then the notes are what the base is compared with; it notes all that there is.
    this.#do(async () => {
      if (this.#isCompared) await this.#note(touched)
    })
  }

  /** Resolves when everything is noted that can be. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRetry()
    await this.#work
  }

  #apply(edits: readonly RegistryEdit[]): Set<string> {
    const touched = new Set<string>()
    for (const edit of edits) {
      touched.add(keyOf(edit))
      const digests = this.#digestsOf(edit)
      if (edit.after === undefined) digests.delete(edit.name)
      else digests.set(edit.name, shortDigest(edit.after))
    }
    return touched
  }

  #digestsOf(place: Place): Digests {
    const key = keyOf(place)
    const digests = this.#known.get(key) ?? new Map<string, string>()
    this.#known.set(key, digests)
    return digests
  }

  /** One work after the other; what fails is tried again later. */
  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      const { clock, logger } = this.#options
      logger.debug({ err: error }, 'the documents of the registry cannot be noted now')
      if (!this.#isClosed) this.#cancelRetry = clock.after(RETRY_MS, () => this.#do(work))
    })
  }

  async #compare(documents: readonly Digested[]): Promise<void> {
    const { store, onEdits } = this.#options
    const noted = await this.#noted()
    if (noted !== undefined) onEdits(editsBetween(noted, documents))
    await this.#note(new Set([...this.#known.keys(), ...(noted?.keys() ?? [])]))
    if (noted === undefined) await store.put(COLLECTION, MARK, '')
    this.#isCompared = true
  }

  /** Undefined if there was no gateway yet that noted any. */
  async #noted(): Promise<Map<string, Digests> | undefined> {
    const { store } = this.#options
    if ((await store.get(COLLECTION, MARK)) === undefined) return undefined
    const found = new Map<string, Digests>()
    for (let after: string | undefined; ;) {
      const { entries, next } = await store.list(COLLECTION, '', { limit: PAGE, after })
      for (const { key, value } of entries) if (key !== MARK) found.set(key, digestsIn(value))
      if (next === undefined) return found
      after = next
    }
  }

  async #note(keys: ReadonlySet<string>): Promise<void> {
    const { store } = this.#options
    for (const key of keys) {
      const digests = [...(this.#known.get(key) ?? [])].slice(0, MAX_NOTED)
      const value = JSON.stringify(Object.fromEntries(digests))
      const before = await store.get(COLLECTION, key)
      if (digests.length === 0) await store.delete(COLLECTION, key)
      else if (before?.value !== value) await store.put(COLLECTION, key, value)
    }
  }
}

function keyOf({ section, tenantId }: Place): string {
  return stateKey(section, tenantId)
}

/** Readable again, which a key with a digest in it is not. */
function placeIn(key: string): Place | undefined {
  const [section = '', tenantId = ''] = key.split('/').map(decodeURIComponent)
  return isSection(section) && !tenantId.startsWith(':') ? { section, tenantId } : undefined
}

function isSection(text: string): text is RegistryEdit['section'] {
  return ['servers', 'tenants', 'templates', 'pipelines', 'enhancement_rules'].includes(text)
}

function digestsIn(value: string): Digests {
  const json = jsonIn(value)
  const entries = isJsonObject(json) ? Object.entries(json) : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function shortDigest(document: unknown): string {
  return digestOf(document).slice(0, DIGEST_LENGTH)
}

function editsBetween(noted: ReadonlyMap<string, Digests>, documents: readonly Digested[]): RegistryEdit[] {
  const left = new Map([...noted].map(([key, digests]) => [key, new Map(digests)]))
  const edits = documents.flatMap(({ document, digest }): RegistryEdit[] => {
    const digests = left.get(keyOf(document))
    const before = digests?.get(document.name)
    digests?.delete(document.name)
    if (before === digest) return []
    const isTooMany = before === undefined && (noted.get(keyOf(document))?.size ?? 0) >= MAX_NOTED
    if (isTooMany) return []
    return [{ ...document, before: before === undefined ? undefined : {}, isUnseen: true }]
  })
  const removed = [...left].flatMap(([key, digests]) => {
    const place = placeIn(key)
    if (place === undefined) return []
    return [...digests.keys()].map((name): RegistryEdit => ({
      ...place,
      name,
      before: {},
      after: undefined,
      isOwn: false,
      isUnseen: true,
    }))
  })
  return [...edits, ...removed]
}
