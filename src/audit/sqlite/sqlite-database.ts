import { createSecretKey, type KeyObject } from 'node:crypto'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { isJsonObject } from '../../domain/json/json.ts'
import { digested } from '../digest/arguments-digest.ts'
import type { AuditQuery } from '../audit-store.ts'
import type { Position } from '../cursor.ts'
import { withStorableNumbers } from '../stored-record.ts'
import type { StoredRecord, WritableRecord } from '../usage-record.ts'

/** Statements that lead from each version of the schema to the next; `user_version` counts those applied. */
const MIGRATIONS = [
  `CREATE TABLE tool_usage (
     id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, tenant_id TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT,
     face TEXT NOT NULL, session_id TEXT, request_id TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
     server TEXT, instance TEXT, effect TEXT NOT NULL, rule_id TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT,
     duration_ms REAL NOT NULL, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
     arguments_digest TEXT NOT NULL
   ) STRICT;
   CREATE INDEX tool_usage_by_time ON tool_usage (tenant_id, at_ms, id);
   CREATE INDEX tool_usage_by_age ON tool_usage (at_ms);`,
]

const COLUMNS = {
  id: 'id',
  atMs: 'at_ms',
  tenantId: 'tenant_id',
  subject: 'subject',
  agent: 'agent',
  face: 'face',
  sessionId: 'session_id',
  requestId: 'request_id',
  action: 'action',
  target: 'target',
  server: 'server',
  instance: 'instance',
  effect: 'effect',
  ruleId: 'rule_id',
  outcome: 'outcome',
  code: 'code',
  durationMs: 'duration_ms',
  requestBytes: 'request_bytes',
  responseBytes: 'response_bytes',
  argumentsDigest: 'arguments_digest',
} as const satisfies Record<keyof StoredRecord, string>
const SELECTED = Object.entries(COLUMNS)
  .map(([field, column]) => `${column} AS ${field}`)
  .join(', ')
const PLACES = Object.keys(COLUMNS)
  .map((field) => `:${field}`)
  .join(', ')

const DELETED_AT_ONCE = 5000
const BUSY_TIMEOUT_MS = 5000
/** Pages of 4 KiB that the write-ahead log may have. */
const LOG_PAGES = 4000

/** Which database, and the key of its argument digests. */
export interface SqliteDatabaseOptions {
  readonly path: string
  readonly digestKey: Uint8Array
}

/** The audit database, synchronous: for the worker thread, never for the one that serves requests. */
export class SqliteDatabase {
  readonly #database: DatabaseSync
  readonly #digestKey: KeyObject
  readonly #insert: StatementSync

  /** @throws Error if the file is not a database, or of a newer version */
  constructor(options: SqliteDatabaseOptions) {
    this.#digestKey = createSecretKey(options.digestKey)
    this.#database = new DatabaseSync(options.path, { timeout: BUSY_TIMEOUT_MS })
    try {
      // A commit reaches the kernel, which survives the process. Callers wait for it: the sync that a power cut asks
      // for comes after, from outside, and moving the log into the database, which stalls a commit, is made rare.
      this.#database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${LOG_PAGES}`,
      )
      migrate(this.#database)
      this.#insert = this.#database.prepare(
        `INSERT INTO tool_usage (${Object.values(COLUMNS).join(', ')})
         VALUES (${PLACES}) ON CONFLICT (id) DO NOTHING`,
      )
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** Stores all records or none; those already there stay as they are. */
  write(batch: readonly WritableRecord[]): void {
    const rows = batch.map((record) => this.#row(record))
    this.#transaction(() => {
      for (const row of rows) this.#insert.run(row)
    })
  }

  /** Up to `limit` records of a query, newest first, those after `position` only. */
  query(query: AuditQuery, position: Position | undefined, limit: number): StoredRecord[] {
    const conditions: [string, ...SQLInputValue[]][] = [['tenant_id = ?', query.tenantId]]
    if (query.from !== undefined) conditions.push(['at_ms >= ?', query.from])
    if (query.to !== undefined) conditions.push(['at_ms < ?', query.to])
    for (const field of ['subject', 'target', 'server', 'outcome'] as const) {
      const value = query[field]
      if (value !== undefined) conditions.push([`${COLUMNS[field]} = ?`, value])
    }
    if (position !== undefined) conditions.push(['(at_ms, id) < (?, ?)', position.atMs, position.id])
    const where = conditions.map(([sql]) => sql).join(' AND ')
    const values = conditions.flatMap(([, ...bound]) => bound)
    const sql = `SELECT ${SELECTED} FROM tool_usage WHERE ${where} ORDER BY at_ms DESC, id DESC LIMIT ?`
    const rows: unknown[] = this.#database.prepare(sql).all(...values, limit)
    return rows.filter(isStoredRecord)
  }

  /** Deletes some of the records from before a time; true when there may be more of them. */
  deleteBefore(beforeMs: number): boolean {
    const sql = 'DELETE FROM tool_usage WHERE id IN (SELECT id FROM tool_usage WHERE at_ms < ? LIMIT ?)'
    return Number(this.#database.prepare(sql).run(beforeMs, DELETED_AT_ONCE).changes) === DELETED_AT_ONCE
  }

  close(): void {
    this.#database.close()
  }

  #row(record: WritableRecord): Record<string, SQLInputValue> {
    return { ...withStorableNumbers(digested(this.#digestKey, record)) }
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

/** Rows are written from StoredRecord only, and STRICT keeps the types of their columns. */
function isStoredRecord(row: unknown): row is StoredRecord {
  return isJsonObject(row) && typeof row['id'] === 'string'
}

function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    if (version > MIGRATIONS.length) throw new Error(`it was written by a newer version (schema ${version})`)
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration)
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
