import {
  type CollectionReference,
  type DocumentData,
  FieldPath,
  type Firestore,
  type Query,
  Timestamp,
} from '@google-cloud/firestore'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import { withDeadline } from '../../firestore/deadline.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AuditPage, AuditQuery, AuditStore, CountQuery } from '../audit-store.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { codeOf } from '../error-code.ts'
import { recordOf } from '../record-line.ts'
import { RecordsRefusedError } from '../records-refused.ts'
import { storedRecordSchema } from '../stored-record-schema.ts'
import type { StoredRecord } from '../usage-record.ts'

const COLLECTION = 'tool_usage'
const DAY_MS = 86_400_000
const INVALID_ARGUMENT = 3
const ALREADY_EXISTS = 6
/** Firestore takes more, up to 10 MiB; a batch that is refused is created again one by one. */
const BATCH_SIZE = 200

/** What a `FirestoreAuditStore` needs: the database, the keys, and the time limits of its requests. */
export interface FirestoreAuditStoreOptions {
  readonly db: Firestore
  /** Seals cursors: the same in every replica, or a page is good only where the one before came from. */
  readonly key: Buffer
  /** The key before, whose cursors are still good. */
  readonly previousKey?: Buffer | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Days until the TTL policy on `expireAt` may delete a record; records are kept without limit if absent. */
  readonly retentionDays?: number | undefined
  /** Documents created at the same time where a batch is refused; 50 by default. */
  readonly concurrency?: number
  /** Time for one document to be created, in milliseconds; 5000 by default. */
  readonly createTimeoutMs?: number
  /** Time for one query, in milliseconds; 5000 by default. */
  readonly queryTimeoutMs?: number
}

/**
 * Usage records as documents `tool_usage/{id}`, created and never changed: a record that is there already counts
 * as written, so that trying again after a lost answer neither doubles nor alters it.
 *
 * Queries are served by the composite indexes of `firestore.indexes.json`: `tenantId` ascending and `atMs`
 * descending, alone and with each of `subject`, `target`, `server`, `outcome` between them; Firestore merges those
 * for several filters. Ids and `atMs` grow with time, which Firestore bears up to some 500 records a second.
 */
export class FirestoreAuditStore implements AuditStore {
  readonly #db: Firestore
  readonly #records: CollectionReference
  readonly #key: Buffer
  /** Of which one may have sealed a cursor. */
  readonly #keys: readonly Buffer[]
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #retentionMs: number | undefined
  readonly #concurrency: number
  readonly #createTimeoutMs: number
  readonly #queryTimeoutMs: number
  #isClosed = false

  constructor(options: FirestoreAuditStoreOptions) {
    this.#db = options.db
    this.#records = options.db.collection(COLLECTION)
    this.#key = options.key
    this.#keys = [options.key, ...(options.previousKey === undefined ? [] : [options.previousKey])]
    this.#clock = options.clock
    this.#logger = options.logger
    this.#retentionMs = options.retentionDays === undefined ? undefined : options.retentionDays * DAY_MS
    this.#concurrency = options.concurrency ?? 50
    this.#createTimeoutMs = options.createTimeoutMs ?? 5000
    this.#queryTimeoutMs = options.queryTimeoutMs ?? 5000
  }

  /** @throws Error when one could not be created in time; it may have been, and so may others of the batch */
  async write(lines: readonly string[]): Promise<void> {
    if (this.#isClosed) throw new Error('the audit store is closed')
    for (let start = 0; start < lines.length; start += BATCH_SIZE) {
      const batch = lines.slice(start, start + BATCH_SIZE)
      if (batch.length === 1 || !(await this.#createAll(batch))) await this.#createEach(batch)
    }
  }

  /**
   * Creates records in one commit, which costs a tenth of one for each; false if not all of them are there then, because
   * one is there already, or will never be taken.
   */
  async #createAll(lines: readonly string[]): Promise<boolean> {
    const batch = this.#db.batch()
    for (const line of lines) {
      const record = recordOf(line)
      if (record === undefined) return false
      batch.create(this.#records.doc(record.id), this.#documentOf(record))
    }
    try {
      await withDeadline(this.#clock, batch.commit(), this.#createTimeoutMs, 'creating usage records')
      return true
    } catch (cause) {
      const code = codeOf(cause)
      if (code === ALREADY_EXISTS || code === INVALID_ARGUMENT) return false
      throw new Error('usage records could not be created in Firestore', { cause })
    }
  }

  async #createEach(lines: readonly string[]): Promise<void> {
    const refused: string[] = []
    let refusal: unknown
    let failure: { readonly cause: unknown } | undefined
    const waiting = lines.values()
    const createInTurn = async (): Promise<void> => {
      for (const line of waiting) {
        // While Firestore does not answer, each further document would only be one more that hangs in the library.
        if (failure !== undefined) return
        try {
          await this.#create(line)
        } catch (cause) {
          if (codeOf(cause) === INVALID_ARGUMENT) {
            refused.push(line)
            refusal ??= cause
          } else failure ??= { cause }
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#concurrency, lines.length) }, createInTurn))
    if (failure !== undefined) throw new Error('usage records could not be created in Firestore', failure)
    if (refused.length > 0) throw new RecordsRefusedError(refused, { cause: refusal })
  }

  /** @throws GatewayError `invalid_cursor`, or `audit_unavailable` when Firestore does not answer in time */
  async query(query: AuditQuery): Promise<AuditPage> {
    const { cursor, limit } = query
    let asked = this.#matching(query)
      .orderBy('atMs', 'desc')
      .orderBy(FieldPath.documentId(), 'desc')
      .limit(limit + 1)
    if (cursor !== undefined) {
      const { atMs, id } = decodeCursor(this.#keys, query, cursor)
      asked = asked.startAfter(atMs, id)
    }
    const { docs } = await this.#inTime(asked.get())
    const page = docs.slice(0, limit)
    const records = page.flatMap((document) => this.#read(document.id, document.data()))
    const last = page.at(-1)
    if (last === undefined || docs.length <= limit) return { records }
    const position = { atMs: Number(last.get('atMs')), id: last.id }
    return { records, nextCursor: encodeCursor(this.#key, query, position) }
  }

  /** @throws GatewayError `audit_unavailable` when Firestore does not answer in time */
  async count(query: CountQuery): Promise<number> {
    // In the order of the indexes that there are.
    const counted = this.#matching(query).orderBy('atMs', 'desc').count().get()
    return (await this.#inTime(counted)).data().count
  }

  /** The Firestore client stays open. Idempotent. */
  close(): Promise<void> {
    this.#isClosed = true
    return Promise.resolve()
  }

  async #create(line: string): Promise<void> {
    const record = recordOf(line)
    if (record === undefined) throw Object.assign(new Error('not a usage record'), { code: INVALID_ARGUMENT })
    const created = this.#records.doc(record.id).create(this.#documentOf(record))
    try {
      await withDeadline(this.#clock, created, this.#createTimeoutMs, 'creating a usage record')
    } catch (error) {
      if (codeOf(error) !== ALREADY_EXISTS) throw error
    }
  }

  #documentOf(record: StoredRecord): DocumentData {
    const { id: _, ...fields } = record
    const document: DocumentData = {}
    for (const [field, value] of Object.entries(fields)) {
      document[field] = fieldOf(value)
    }
    if (this.#retentionMs !== undefined)
      document['expireAt'] = Timestamp.fromMillis(fields.atMs + this.#retentionMs)
    return document
  }

  #matching(query: CountQuery): Query {
    let matching = this.#records.where('tenantId', '==', query.tenantId)
    if (query.from !== undefined) matching = matching.where('atMs', '>=', query.from)
    if (query.to !== undefined) matching = matching.where('atMs', '<', query.to)
    for (const field of ['subject', 'target', 'server', 'outcome'] as const) {
      const value = query[field]
      if (value !== undefined) matching = matching.where(field, '==', value.toWellFormed())
    }
    return matching
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    try {
      return await withDeadline(this.#clock, answer, this.#queryTimeoutMs, 'a query of usage records')
    } catch (cause) {
      throw new GatewayError('audit_unavailable', 'The usage records cannot be read', { cause })
    }
  }

  #read(id: string, document: DocumentData): StoredRecord[] {
    const { change } = document
    const parsed = storedRecordSchema.safeParse({
      ...document,
      id,
      ...(typeof change === 'string' && { change: jsonIn(change) }),
    })
    if (parsed.success) return [parsed.data]
    this.#logger.error({ record: id, problem: parsed.error.message }, 'a document is not a usage record')
    return []
  }
}

/** A value as Firestore takes it. */
function fieldOf(value: unknown): unknown {
  // Half a surrogate pair, which cutting a text can leave, is not valid UTF-8.
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(fieldOf)
  // As text: not every JSON value is one of Firestore.
  return isJsonObject(value) ? JSON.stringify(value).toWellFormed() : value
}
