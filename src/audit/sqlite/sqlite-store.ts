import { chmod, open } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateDirectory } from '../../files/private-file.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { startThread } from '../../threads/start-thread.ts'
import type { AuditPage, AuditQuery, AuditStore, CountQuery, Person } from '../audit-store.ts'
import type { ChainStore } from '../chain/checkpoints.ts'
import { QueryTurns } from '../query-turns.ts'
import { decodeCursor, encodeCursor, type Position } from '../cursor.ts'
import type { RecordLines } from '../record-lines.ts'
import { RecordsRefusedError } from '../records-refused.ts'
import type { StoredRecord } from '../usage-record.ts'
import { TaskThread } from '../../threads/task-thread.ts'
import type { Result, Task } from './sqlite-protocol.ts'

const DATABASE_FILE = 'audit.db'
const DAY_MS = 86_400_000
const DELETE_EVERY_MS = 6 * 3_600_000
/** A database of an earlier version is rewritten when it is opened: a million records take five to ten seconds. */
const LONG_OPENING_MS = 2000

/** Where a SQLite store keeps usage records, and for how long. */
export interface SqliteStoreOptions {
  /** Where the database is; it is made the first time, for this user only. */
  readonly dir: string
  /** Seals cursors. */
  readonly key: Buffer
  /** The key before, whose cursors are still good. */
  readonly previousKey?: Buffer | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Age at which records are deleted, in days; they are kept without limit if absent. */
  readonly retentionDays?: number | undefined
  /** Starts the thread that has the database open. */
  readonly startThread?: typeof startThread
}

/** Usage records in a SQLite file, which a separate thread reads and writes. */
export class SqliteAuditStore implements AuditStore {
  /** A transaction writes each page of the file that it changes once. */
  readonly batchSize = 2000
  readonly chain: ChainStore = {
    head: async () => {
      const { head } = await this.#run({ kind: 'head' })
      if (head === undefined) throw new Error('the database thread did not tell where the chain stands')
      return head
    },
    addCheckpoint: async (checkpoint) => void (await this.#run({ kind: 'checkpoint', checkpoint })),
  }
  readonly #path: string
  readonly #key: Buffer
  /** Of which one may have sealed a cursor. */
  readonly #keys: readonly Buffer[]
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #retentionMs: number | undefined
  readonly #thread: TaskThread<Task, Result>
  /** A query may look at all records of a tenant, part by part; the thread does what it is given in order. */
  readonly #queries = new QueryTurns()
  #cancelDeletion: (() => void) | undefined
  #closing: Promise<void> | undefined

  private constructor(options: SqliteStoreOptions) {
    this.#path = join(options.dir, DATABASE_FILE)
    this.#key = options.key
    this.#keys = [options.key, ...(options.previousKey === undefined ? [] : [options.previousKey])]
    this.#clock = options.clock
    this.#logger = options.logger
    this.#retentionMs = options.retentionDays === undefined ? undefined : options.retentionDays * DAY_MS
    const start = options.startThread ?? startThread
    this.#thread = new TaskThread({
      name: 'audit thread',
      start: () => start(import.meta, './sqlite-worker', this.#path),
    })
  }

  /**
   * Opens the store and deletes what is too old; it does so again every 6 hours.
   * @throws Error when the database is damaged or of a newer version
   */
  static async open(options: SqliteStoreOptions): Promise<SqliteAuditStore> {
    await makePrivateDirectory(options.dir)
    const store = new SqliteAuditStore(options)
    // SQLite gives its companion files the mode of the database.
    await (await open(store.#path, 'a', 0o600)).close()
    await chmod(store.#path, 0o600)
    await store.#openDatabase()
    await store.#deleteOld()
    return store
  }

  async write(lines: RecordLines): Promise<void> {
    const bytes = lines.copy()
    const { refused = [] } = await this.#run({ kind: 'write', lines: bytes }, [bytes.buffer])
    if (refused.length > 0) throw new RecordsRefusedError(refused)
  }

  async query(query: AuditQuery): Promise<AuditPage> {
    const { cursor, limit } = query
    const found: StoredRecord[] = []
    let position = cursor === undefined ? undefined : decodeCursor(this.#keys, query, cursor)
    do {
      const task = { kind: 'query', query, position, limit: limit + 1 - found.length } as const
      const { records: more = [], lookedUpTo } = await this.#inTurn(query, task)
      found.push(...more)
      position = lookedUpTo
    } while (position !== undefined && found.length <= limit)
    const records = found.slice(0, limit)
    const last = records.at(-1)
    if (last === undefined || found.length <= limit) return { records }
    return { records, nextCursor: encodeCursor(this.#key, query, last) }
  }

  async count(query: CountQuery): Promise<number> {
    let sum = 0
    let position: Position | undefined
    do {
      const { count = 0, lookedUpTo } = await this.#inTurn(query, { kind: 'count', query, position })
      sum += count
      position = lookedUpTo
    } while (position !== undefined)
    return sum
  }

  async erase(person: Person, by: string): Promise<number> {
    try {
      const { count = 0 } = await this.#run({ kind: 'erase', person, by })
      return count
    } catch (cause) {
      throw this.#unavailable('The usage records of the person could not be erased', cause)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#cancelDeletion?.()
    await this.#thread.close({ kind: 'close' })
  }

  async #run(task: Task, transferred?: readonly ArrayBuffer[]): Promise<Result> {
    if (this.#closing !== undefined) throw new GatewayError('audit_unavailable', 'the audit store is closed')
    return await this.#thread.run(task, transferred)
  }

  /** A part of a query: between two of them come what is written and the queries of others. */
  #inTurn({ tenantId }: CountQuery, task: Task): Promise<Result> {
    return this.#queries.run(tenantId, () => this.#read(task))
  }

  async #read(task: Task): Promise<Result> {
    try {
      return await this.#run(task)
    } catch (cause) {
      throw this.#unavailable('The usage records cannot be read', cause)
    }
  }

  #unavailable(what: string, cause: unknown): GatewayError {
    if (cause instanceof GatewayError) return cause
    this.#logger.error({ err: cause }, 'usage records could not be read or erased')
    return new GatewayError('audit_unavailable', `${what}; the log of the gateway says why`, { cause })
  }

  async #openDatabase(): Promise<void> {
    const cancel = this.#clock.after(LONG_OPENING_MS, () =>
      this.#logger.warn(
        { file: this.#path },
        'opening the audit database takes long: one of an earlier version is rewritten first',
      ),
    )
    try {
      await this.#run({ kind: 'open' })
    } catch (cause) {
      await this.#thread.close()
      throw new Error(`the audit database ${this.#path} cannot be opened: ${messageOf(cause)}`, { cause })
    } finally {
      cancel()
    }
  }

  async #deleteOld(): Promise<void> {
    if (this.#retentionMs === undefined) return
    try {
      const beforeMs = this.#clock.now() - this.#retentionMs
      let hasMore = true
      while (hasMore && this.#closing === undefined) {
        hasMore = (await this.#run({ kind: 'delete', beforeMs })).hasMore === true
      }
    } catch (error) {
      this.#logger.error({ err: error }, 'old usage records could not be deleted')
    }
    if (this.#closing !== undefined) return
    this.#cancelDeletion = this.#clock.after(DELETE_EVERY_MS, () => void this.#deleteOld())
  }
}
