import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { isJsonObject } from '../../domain/json/json.ts'
import type { AuditQuery, CountQuery } from '../audit-store.ts'
import type { Position } from '../cursor.ts'
import { recordOf } from '../record-line.ts'
import type { StoredRecord } from '../usage-record.ts'

/**
 * Statements that lead from each version of the schema to the next; `user_version` counts those applied. A record is
 * kept as its line, in the one order in which it is read: each further column or index costs a record as much again.
 */
const MIGRATIONS = [
  `CREATE TABLE tool_usage (
     id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, tenant_id TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT,
     face TEXT NOT NULL, session_id TEXT, request_id TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
     server TEXT, instance TEXT, effect TEXT NOT NULL, rule_id TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT,
     duration_ms REAL NOT NULL, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
     arguments_digest TEXT NOT NULL
   ) STRICT;`,
  `CREATE TABLE usage_records (
     tenant_id TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL,
     PRIMARY KEY (tenant_id, at_ms, id)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO usage_records SELECT tenant_id, at_ms, id, json_object(
     'id', id, 'atMs', at_ms, 'tenantId', tenant_id, 'subject', subject, 'agent', agent, 'face', face,
     'sessionId', session_id, 'requestId', request_id, 'action', action, 'target', target, 'server', server,
     'instance', instance, 'effect', effect, 'ruleId', rule_id, 'outcome', outcome, 'code', code,
     'durationMs', duration_ms, 'requestBytes', request_bytes, 'responseBytes', response_bytes,
     'argumentsDigest', arguments_digest) FROM tool_usage;
   DROP TABLE tool_usage;
   CREATE VIEW tool_usage AS SELECT id, at_ms, tenant_id,
     record->>'subject' AS subject, record->>'agent' AS agent, record->>'face' AS face,
     record->>'sessionId' AS session_id, record->>'requestId' AS request_id, record->>'action' AS action,
     record->>'target' AS target, record->>'server' AS server, record->>'instance' AS instance,
     record->>'effect' AS effect, record->>'ruleId' AS rule_id, record->>'outcome' AS outcome,
     record->>'code' AS code, record->>'durationMs' AS duration_ms, record->>'requestBytes' AS request_bytes,
     record->>'responseBytes' AS response_bytes, record->>'argumentsDigest' AS arguments_digest
   FROM usage_records;`,
]

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
        'INSERT INTO usage_records (tenant_id, at_ms, id, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      )
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** Stores all records or none; those already there stay as they are. Returns the lines that are no records. */
  write(lines: readonly string[]): string[] {
    const refused: string[] = []
    this.#transaction(() => {
      for (const line of lines) {
        const place = placeOf(line)
        if (place === undefined) refused.push(line)
        else this.#insert.run(place.tenantId, place.atMs, place.id, line)
      }
    })
    return refused
  }

  /** Up to `limit` records of a query, newest first, those after `position` only. */
  query(query: AuditQuery, position: Position | undefined, limit: number): StoredRecord[] {
    const conditions = conditionsOf(query)
    if (position !== undefined) conditions.push(['(at_ms, id) < (?, ?)', position.atMs, position.id])
    const { where, values } = clauseOf(conditions)
    const sql = `SELECT record FROM usage_records WHERE ${where} ORDER BY at_ms DESC, id DESC LIMIT ?`
    const rows: unknown[] = this.#database.prepare(sql).all(...values, limit)
    return rows.flatMap((row) => (isJsonObject(row) ? (recordOf(String(row['record'])) ?? []) : []))
  }

  /** How many records a query has. */
  count(query: CountQuery): number {
    const { where, values } = clauseOf(conditionsOf(query))
    const row = this.#database
      .prepare(`SELECT count(*) AS count FROM usage_records WHERE ${where}`)
      .get(...values)
    return Number(row?.['count'])
  }

  /** Deletes some of the records from before a time; true when there may be more of them. */
  deleteBefore(beforeMs: number): boolean {
    // Tenant by tenant, which is the order of the table: to look at every record would take as long as there are many.
    const tenants = this.#database.prepare(
      `WITH RECURSIVE tenants(id) AS (
         SELECT min(tenant_id) FROM usage_records
         UNION ALL
         SELECT (SELECT min(tenant_id) FROM usage_records WHERE tenant_id > tenants.id) FROM tenants
         WHERE tenants.id IS NOT NULL
       )
       SELECT id FROM tenants WHERE id IS NOT NULL`,
    )
    const deletion = this.#database.prepare(
      `DELETE FROM usage_records WHERE (tenant_id, at_ms, id) IN
         (SELECT tenant_id, at_ms, id FROM usage_records WHERE tenant_id = ? AND at_ms < ? LIMIT ?)`,
    )
    let left = DELETED_AT_ONCE
    for (const { id } of tenants.all()) {
      left -= Number(deletion.run(id ?? null, beforeMs, left).changes)
      if (left === 0) return true
    }
    return false
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

type Condition = readonly [sql: string, ...values: SQLInputValue[]]

function conditionsOf(query: CountQuery): Condition[] {
  const conditions: Condition[] = [['tenant_id = ?', query.tenantId]]
  if (query.from !== undefined) conditions.push(['at_ms >= ?', query.from])
  if (query.to !== undefined) conditions.push(['at_ms < ?', query.to])
  for (const field of ['subject', 'target', 'server', 'outcome'] as const) {
    const value = query[field]
    if (value !== undefined) conditions.push([`record->>'${field}' = ?`, value])
  }
  return conditions
}

function clauseOf(conditions: readonly Condition[]): { where: string; values: SQLInputValue[] } {
  return {
    where: conditions.map(([sql]) => sql).join(' AND '),
    values: conditions.flatMap(([, ...values]) => values),
  }
}

/** What a record is kept under. */
type Place = Pick<StoredRecord, 'tenantId' | 'atMs' | 'id'>

/** How `lineOf` begins a line. */
const HEAD = /^\{"crc":"[\da-f]{8}","id":"([^"\\]{1,128})","atMs":(\d{1,16}),"tenantId":"([^"\\]{1,512})"/

/** Where a line belongs; undefined if it is no record. Its checksum was right, so that nothing else has to be read. */
function placeOf(line: string): Place | undefined {
  const [, id, atMs, tenantId] = HEAD.exec(line) ?? []
  if (id === undefined || tenantId === undefined) return recordOf(line)
  return { id, atMs: Number(atMs), tenantId }
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
