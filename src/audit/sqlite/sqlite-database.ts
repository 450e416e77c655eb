import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { AuditQuery } from '../audit-store.ts'
import type { Position } from '../cursor.ts'
import type { StoredRecord } from '../usage-record.ts'

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
const FIELDS = Object.keys(COLUMNS)
const PLACES = FIELDS.map(() => '?').join(', ')

const DELETED_AT_ONCE = 5000
const BUSY_TIMEOUT_MS = 5000
/** Pages of 4 KiB that the write-ahead log may have. */
const LOG_PAGES = 4000

/** The audit database, synchronous: for the worker thread, never for the one that serves requests. */
export class SqliteDatabase {
  readonly #database: DatabaseSync
  readonly #insert: StatementSync

  /** @throws Error if the file is not a database, or of a newer version */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      // What is committed is on the disk, and the spool may forget it. Nobody but the writer waits for that.
      this.#database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${LOG_PAGES}`,
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

  /** Stores all records or none; those already there stay as they are. Returns the lines that are no records. */
  write(lines: readonly string[]): string[] {
    const read = lines.map((line) => ({ line, row: rowOf(line) }))
    this.#transaction(() => {
      for (const { row } of read) if (row !== undefined) this.#insert.run(...row)
    })
    return read.flatMap(({ line, row }) => (row === undefined ? [line] : []))
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

/** The values of a record's columns. Its checksum was right, so that its fields are those that a gateway wrote. */
function rowOf(line: string): SQLInputValue[] | undefined {
  const record = parsed(line)
  const row = FIELDS.map((field) => record[field])
  return row.every(isColumnValue) ? row : undefined
}

function parsed(line: string): JsonObject {
  try {
    const value: unknown = JSON.parse(line)
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}

function isColumnValue(value: unknown): value is string | number | null {
  return value === null || typeof value === 'string' || typeof value === 'number'
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
