import { createHash, randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { canonicalJson, isJsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, serverDocumentSchema } from '../../domain/documents/server-definition.ts'
import type { DocumentStore, WatchedDocument } from '../../firestore/document-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { WatchedRegistry } from '../collections.ts'

/** Where gateways keep the last good registry, and operators confirm removals (`confirm-<id>`). */
export const SNAPSHOTS = 'catalog_snapshots'

/** Everything that a start without the store needs. */
export interface LastGoodContent extends WatchedRegistry {
  /** Last good versions of documents of servers that are invalid, by document id. */
  readonly definitions: ReadonlyMap<string, ServerDefinition>
  /** Tenants without a document that served on. */
  readonly tolerated: readonly string[]
}

const HEAD = `${SNAPSHOTS}/last-good`
/** A document of Firestore has at most 1 MiB. */
const CHUNK_BYTES = 900_000
const LOCAL_DELAY_MS = 200
const STORE_DELAY_MS = 5000

const documents = z.array(
  z.strictObject({ id: z.string(), value: z.record(z.string(), z.unknown()), version: z.string() }),
)
/** Lenient in what is not there or not known, so that gateways of several versions share what is saved. */
const contentSchema = z.object({
  servers: documents,
  tenants: documents,
  templates: documents.default([]),
  pipelines: documents.default([]),
  enhancement_rules: documents.default([]),
  tolerated: z.array(z.string()).default([]),
  definitions: z.array(z.tuple([z.string(), z.unknown()])),
})
const fileSchema = z.strictObject({
  database: z.string(),
  epoch: z.string().optional(),
  content: z.unknown(),
})
const headSchema = z.looseObject({
  epoch: z.string(),
  hash: z.string().optional(),
  chunks: z.int().min(1).max(1000).optional(),
})

/**
 * The last good registry, in a file (mode 0600) and in `catalog_snapshots/last-good`, in chunks of 900 kB below it.
 * The document carries an epoch, a random id made once per database: when it is gone or another one, the database
 * is not the one that the gateway has read before.
 */
export class LastGoodRegistry {
  readonly #store: DocumentStore
  readonly #file: string
  readonly #database: string
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  #epoch: string | undefined
  #content: string | undefined
  #savedLocally = ''
  #savedInStore = ''
  #cancelLocal: (() => void) | undefined
  #cancelStore: (() => void) | undefined
  #savingLocally: Promise<void> = Promise.resolve()
  #savingInStore: Promise<void> = Promise.resolve()

  /** @param options.database names project and database: a file about another one is not used */
  constructor(options: {
    store: DocumentStore
    file: string
    database: string
    clock: Clock
    random: () => number
    logger: Logger
  }) {
    this.#store = options.store
    this.#file = options.file
    this.#database = options.database
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
  }

  /** What the file holds; undefined when it is not there or not usable. To be called before the others. */
  async fromFile(): Promise<LastGoodContent | undefined> {
    try {
      const parsed = fileSchema.parse(JSON.parse(await readFile(this.#file, 'utf8')))
      if (parsed.database !== this.#database) return undefined
      const content = contentOf(parsed.content)
      this.#epoch = parsed.epoch
      return content
    } catch (error) {
      if (!isJsonObject(error) || error['code'] !== 'ENOENT') {
        this.#logger.warn({ file: this.#file, err: error }, 'the last good registry cannot be used')
      }
      return undefined
    }
  }

  /**
   * What the store holds; undefined when there is nothing, or of another epoch.
   * @throws Error without an answer in time
   */
  async fromStore(): Promise<LastGoodContent | undefined> {
    const head = await this.#head()
    if (head === undefined || head.epoch !== (this.#epoch ?? head.epoch)) return undefined
    this.#epoch = head.epoch
    const { hash, chunks } = head
    if (hash === undefined || chunks === undefined) return undefined
    const parts = await Promise.all(
      Array.from({ length: chunks }, (_, index) => this.#store.get(chunkPath(hash, index))),
    )
    const text = Buffer.concat(parts.map((part) => bytesOf(part))).toString()
    if (hashOf(text) !== hash) return undefined
    this.#savedInStore = hash
    return contentOf(JSON.parse(text))
  }

  /** Whether the database is another one than before. @throws Error without an answer in time */
  async isRecreated(): Promise<boolean> {
    return this.#epoch !== undefined && (await this.#head())?.epoch !== this.#epoch
  }

  /** Takes the database as it is for the one to know from now on. @throws Error without an answer in time */
  async settle(): Promise<void> {
    const head = await this.#head()
    const created = randomUUID()
    const isNew = head === undefined && (await this.#store.create(HEAD, { epoch: created }))
    const epoch = isNew ? created : (head ?? (await this.#head()))?.epoch
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#savedInStore = ''
    this.#savedLocally = ''
  }

  /** Saves a while later, when it differs from what was saved: what comes meanwhile replaces it. Never throws. */
  save(content: LastGoodContent): void {
    this.#content = canonicalJson({ ...content, definitions: [...content.definitions] })
    this.#cancelLocal ??= this.#clock.after(LOCAL_DELAY_MS, () => {
      this.#cancelLocal = undefined
      this.#startLocally()
    })
    // Other gateways write the same: the first one spares the others their write.
    this.#cancelStore ??= this.#clock.after(STORE_DELAY_MS * (0.5 + this.#random() / 2), () => {
      this.#cancelStore = undefined
      this.#savingInStore = this.#savingInStore.then(() => this.#saveInStore()).catch(this.#failed)
    })
  }

  /** Writes the file if that is still to be done. Idempotent. */
  async close(): Promise<void> {
    this.#cancelStore?.()
    this.#cancelLocal?.()
    if (this.#content !== undefined) this.#startLocally()
    await this.#savingLocally
  }

  #startLocally(): void {
    this.#savingLocally = this.#savingLocally.then(() => this.#saveLocally()).catch(this.#failed)
  }

  readonly #failed = (error: unknown): void => {
    this.#logger.warn({ err: error }, 'the last good registry could not be saved')
  }

  async #saveLocally(): Promise<void> {
    const content = this.#content ?? ''
    const saved = `${this.#epoch} ${content}`
    if (saved === this.#savedLocally) return
    const draft = `${this.#file}.${randomUUID()}`
    const head = JSON.stringify({ database: this.#database, epoch: this.#epoch }).slice(0, -1)
    await writeFile(draft, `${head},"content":${content}}`, { mode: 0o600, flag: 'wx' })
    await rename(draft, this.#file)
    this.#savedLocally = saved
  }

  async #saveInStore(): Promise<void> {
    const content = Buffer.from(this.#content ?? '')
    const hash = hashOf(content)
    if (hash === this.#savedInStore) return
    const head = await this.#head()
    if (head === undefined || head.epoch !== this.#epoch) return
    if (head.hash !== hash) {
      const chunks = Math.ceil(content.length / CHUNK_BYTES)
      for (let index = 0; index < chunks; index += 1) {
        const data = content.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
        await this.#store.set(chunkPath(hash, index), { data })
      }
      const savedAt = new Date(this.#clock.now()).toISOString()
      await this.#store.set(HEAD, { epoch: head.epoch, hash, chunks, savedAt })
      await this.#deleteChunks(head)
    }
    this.#savedInStore = hash
  }

  async #deleteChunks({ hash, chunks = 0 }: z.output<typeof headSchema>): Promise<void> {
    if (hash === undefined) return
    for (let index = 0; index < chunks; index += 1) await this.#store.delete(chunkPath(hash, index))
  }

  async #head(): Promise<z.output<typeof headSchema> | undefined> {
    const document = await this.#store.get(HEAD)
    return document === undefined ? undefined : headSchema.safeParse(document.value).data
  }
}

function contentOf(value: unknown): LastGoodContent {
  const { definitions, ...rest } = contentSchema.parse(value)
  // One that another version of the gateway took, and this one does not, costs the others nothing.
  const valid = definitions.flatMap(([id, definition]): [string, ServerDefinition][] => {
    const { data } = serverDocumentSchema.safeParse(definition)
    return data === undefined ? [] : [[id, data]]
  })
  return { ...rest, definitions: new Map(valid) }
}

function bytesOf(chunk: WatchedDocument | undefined): Buffer {
  const data = chunk?.value['data']
  return typeof data === 'string' ? Buffer.from(data, 'base64') : Buffer.alloc(0)
}

function chunkPath(hash: string, index: number): string {
  return `${HEAD}/chunks/${hash.slice(0, 32)}-${index}`
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
