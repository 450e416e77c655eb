import {
  type CollectionReference,
  type DocumentData,
  FieldPath,
  type Firestore,
  type Query,
} from '@google-cloud/firestore'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { withDeadline } from '../../firestore/deadline.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AuditPage, AuditQuery, AuditStore, CountQuery, Person } from '../audit-store.ts'
import type { ChainStore } from '../chain/checkpoints.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { RecordLines } from '../record-lines.ts'
import type { StoredRecord } from '../usage-record.ts'
import { erasePages } from './erase-documents.ts'
import { addCheckpoint } from './firestore-chain.ts'
import { RECORDS, recordOfDocument } from './record-documents.ts'
import { RecordWrites } from './record-writes.ts'

const DAY_MS = 86_400_000

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
  /** Time for one document to be created, in milliseconds; 5000 by default. */
  readonly createTimeoutMs?: number
  /** Time for one query, in milliseconds; 5000 by default. */
  readonly queryTimeoutMs?: number
}

/**
 * Usage records as documents `tool_usage/{id}`, created and never changed: a record that is there already counts
 * as written, so that trying again after a lost answer neither doubles nor alters it. Each process has a chain of its
 * own, whose checkpoints are documents `audit_checkpoints/{writer}-{seq}`.
 *
 * Queries are served by the composite indexes of `firestore.indexes.json`: `tenantId` ascending and `atMs`
 * descending, alone and with each of `subject`, `target`, `server`, `outcome` between them; Firestore merges those
 * for several filters. Ids and `atMs` grow with time, which Firestore bears up to some 500 records a second.
 */
export class FirestoreAuditStore implements AuditStore {
  readonly chain: ChainStore
  readonly #records: CollectionReference
  readonly #key: Buffer
  /** Of which one may have sealed a cursor. */
  readonly #keys: readonly Buffer[]
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #writes: RecordWrites
  readonly #queryTimeoutMs: number
  #isClosed = false

  constructor(options: FirestoreAuditStoreOptions) {
    this.#records = options.db.collection(RECORDS)
    this.#key = options.key
    this.#keys = [options.key, ...(options.previousKey === undefined ? [] : [options.previousKey])]
    this.#clock = options.clock
    this.#logger = options.logger
    const { db, clock, createTimeoutMs: timeoutMs = 5000, retentionDays } = options
    const retentionMs = retentionDays === undefined ? undefined : retentionDays * DAY_MS
    this.#writes = new RecordWrites({ db, clock, timeoutMs, retentionMs })
    this.chain = {
      head: () => Promise.resolve(this.#writes.head),
      addCheckpoint: (checkpoint) =>
        withDeadline(clock, addCheckpoint(db, checkpoint, retentionMs), timeoutMs, 'keeping a checkpoint'),
    }
    this.#queryTimeoutMs = options.queryTimeoutMs ?? 5000
  }

  /** @throws Error when one could not be created in time; it may have been, and so may others of the batch */
  async write(lines: RecordLines): Promise<void> {
    if (this.#isClosed) throw new Error('the audit store is closed')
    await this.#writes.write(lines.strings())
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

  async erase({ tenantId, subject, beforeMs, limit }: Person, by: string): Promise<number> {
    const found = this.#matching({ tenantId, subject, to: beforeMs }).orderBy('atMs', 'desc').limit(limit)
    return await erasePages(found, by)
  }

  /** The Firestore client stays open. Idempotent. */
  close(): Promise<void> {
    this.#isClosed = true
    return Promise.resolve()
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
    const { record, problem } = recordOfDocument(id, document)
    if (record !== undefined) return [record]
    this.#logger.error({ record: id, problem }, 'a document is not a usage record')
    return []
  }
}
