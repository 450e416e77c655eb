import { chmod, open } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateDirectory } from '../../files/private-file.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AuditPage, AuditQuery, AuditStore } from '../audit-store.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { DeferredSync } from '../deferred-sync.ts'
import { readDigestKey } from '../digest/digest-key.ts'
import { codeOf } from '../error-code.ts'
import { SqliteThread } from './sqlite-thread.ts'
import type { WritableRecord } from '../usage-record.ts'

const DATABASE_FILE = 'audit.db'
const DAY_MS = 86_400_000
const DELETE_EVERY_MS = 6 * 3_600_000

/** Where a SQLite store keeps usage records, and for how long. */
export interface SqliteStoreOptions {
  /** Where the database and the key of the digests are; both are made the first time, for this user only. */
  readonly dir: string
  readonly clock: Clock
  readonly logger: Logger
  /** Age at which records are deleted, in days; they are kept without limit if absent. */
  readonly retentionDays?: number | undefined
  /** Starts the thread that has the database open. */
  readonly startThread?: typeof SqliteThread.start
}

/** Usage records in a SQLite file, which a separate thread reads and writes. */
export class SqliteAuditStore implements AuditStore {
  readonly #path: string
  readonly #key: Buffer
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #retentionMs: number | undefined
  readonly #startThread: typeof SqliteThread.start
  readonly #sync: DeferredSync
  #thread: Promise<SqliteThread> | undefined
  #cancelDeletion: (() => void) | undefined
  #closing: Promise<void> | undefined

  private constructor(options: SqliteStoreOptions, key: Buffer) {
    this.#path = join(options.dir, DATABASE_FILE)
    this.#key = key
    this.#clock = options.clock
    this.#logger = options.logger
    this.#retentionMs = options.retentionDays === undefined ? undefined : options.retentionDays * DAY_MS
    this.#startThread = options.startThread ?? ((thread) => SqliteThread.start(thread))
    this.#sync = new DeferredSync({ ...options, sync: () => syncLog(`${this.#path}-wal`) })
  }

  /**
   * Opens the store and deletes what is too old; it does so again every 6 hours.
   * @throws Error when the database or the key is damaged, or other users can read the key
   */
  static async open(options: SqliteStoreOptions): Promise<SqliteAuditStore> {
    await makePrivateDirectory(options.dir)
    const store = new SqliteAuditStore(options, await readDigestKey(options.dir))
    // SQLite gives its companion files the mode of the database.
    await (await open(store.#path, 'a', 0o600)).close()
    await chmod(store.#path, 0o600)
    await store.#live()
    await store.#deleteOld()
    return store
  }

  async write(batch: readonly WritableRecord[]): Promise<void> {
    const thread = await this.#live()
    await thread.run({ kind: 'write', batch })
    this.#sync.soon()
  }

  async query(query: AuditQuery): Promise<AuditPage> {
    const { cursor, limit } = query
    const position = cursor === undefined ? undefined : decodeCursor(this.#key, query, cursor)
    const thread = await this.#live()
    const { records: found } = await thread.run({ kind: 'query', query, position, limit: limit + 1 })
    const records = found.slice(0, limit)
    const last = records.at(-1)
    if (last === undefined || found.length <= limit) return { records }
    return { records, nextCursor: encodeCursor(this.#key, query, last) }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#cancelDeletion?.()
    await this.#sync.close()
    const thread = await this.#thread?.catch(() => undefined)
    await thread?.close()
  }

  /** The thread; a new one when the last has ended. */
  async #live(): Promise<SqliteThread> {
    if (this.#closing !== undefined) throw new Error('the audit store is closed')
    const current = this.#thread
    const thread = await current?.catch(() => undefined)
    if (thread !== undefined && !thread.hasEnded) return thread
    // Another caller may have started one meanwhile.
    if (this.#thread !== undefined && this.#thread !== current) return await this.#thread
    this.#thread = this.#startThread({ path: this.#path, digestKey: this.#key })
    return await this.#thread
  }

  async #deleteOld(): Promise<void> {
    if (this.#retentionMs === undefined) return
    try {
      const beforeMs = this.#clock.now() - this.#retentionMs
      let more = true
      while (more && this.#closing === undefined) {
        const thread = await this.#live()
        more = (await thread.run({ kind: 'delete', beforeMs })).more
      }
    } catch (error) {
      this.#logger.error({ err: error }, 'old usage records could not be deleted')
    }
    if (this.#closing !== undefined) return
    this.#cancelDeletion = this.#clock.after(DELETE_EVERY_MS, () => void this.#deleteOld())
  }
}

/** The write-ahead log holds no locks of SQLite, which closing the file would lift. */
async function syncLog(path: string): Promise<void> {
  try {
    await using file = await open(path, 'r+')
    await file.datasync()
  } catch (error) {
    // SQLite removes it when everything in it is in the database, and synced.
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
