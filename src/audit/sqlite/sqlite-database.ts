import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { AuditQuery, CountQuery, Person } from '../audit-store.ts'
import type { Position } from '../cursor.ts'
import { Chain } from '../chain/chain.ts'
import { erasedText } from '../chain/erasure.ts'
import { recordInLine } from '../record-line.ts'
import type { StoredRecord } from '../usage-record.ts'
import { migrate } from './migrations.ts'
import { takeTexts } from './record-texts.ts'
import { SqliteChain } from './sqlite-chain.ts'

const DELETED_AT_ONCE = 5000
/** What is written, and the queries of others, wait for so many records to be looked at. */
const LOOKED_AT_ONCE = 5000
const BUSY_TIMEOUT_MS = 5000
/**
 * Of a new database; an older one has what it was made with. A record costs a fifth less than with 4 KiB, and less still with
 * larger pages, but each delivery writes three of them at least, even if it is one record.
 */
const PAGE_BYTES = 16 * 1024
/** Size of the write-ahead log from which on it is brought into the database. */
const LOG_BYTES = 16 * 1024 * 1024
/** Room for the pages of a thousand tenants whose records come in turn; SQLite keeps 2 MB by itself. */
const CACHE_KIB = 8 * 1024

/** The audit database, synchronous: for the worker thread, never for the one that serves requests. */
export class SqliteDatabase {
  readonly #database: DatabaseSync
  readonly #insert: StatementSync
  /** The chain of the records, and its checkpoints. */
  readonly chain: SqliteChain
  readonly #links: Chain

  /** @throws Error if the file is not a database, or of a newer version */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      // What is committed is on the disk, and the spool may forget it. Nobody but the writer waits for that.
      this.#database.exec(
        `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA cache_size = -${CACHE_KIB}`,
      )
      const pageBytes = Number(this.#database.prepare('PRAGMA page_size').get()?.['page_size'])
      this.#database.exec(`PRAGMA wal_autocheckpoint = ${LOG_BYTES / pageBytes}`)
      migrate(this.#database)
      this.#insert = this.#database.prepare(
        `INSERT INTO usage_records (tenant_id, at_ms, id, record, seq, salt, hash) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
      )
      this.chain = new SqliteChain(this.#database)
      this.#links = new Chain(this.chain.open(Date.now()))
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /**
   * Stores all records or none; those already there stay as they are. Returns the lines that are no records.
   * @param lines of `lineOf`, each with its newline; it changes them
   */
  write(lines: Buffer): string[] {
    let refused: string[] = []
    const { head } = this.#links
    try {
      this.#transaction(() => {
        refused = takeTexts(lines, (text) => this.#store(text))
        this.chain.move(this.#links.head)
      })
    } catch (error) {
      this.#links.reset(head)
      throw error
    }
    return refused
  }

  /**
   * Up to `limit` records of a query, newest first, those after `position` only. It looks at 5000 at most: if it found
   * fewer than `limit` among these and there are more, `lookedUpTo` is the last of them.
   */
  query(
    query: AuditQuery,
    position: Position | undefined,
    limit: number,
  ): LookedAt & { records: StoredRecord[] } {
    const { lookedUpTo, where, values } = this.#part(query, position)
    const sql = `SELECT at_ms, id, record FROM usage_records WHERE ${where} ORDER BY at_ms DESC, id DESC LIMIT ?`
    const rows = this.#database.prepare(sql).all(...values, limit)
    const records = rows.flatMap((row) => recordInLine(String(row['record'])) ?? [])
    if (records.length === limit) return { records, lookedUpTo: undefined }
    // In place of what is no record any more, there may be others.
    return { records, lookedUpTo: rows.length < limit ? lookedUpTo : positionOf(rows.at(-1)) }
  }

  /** How many records a query has, of those after `position`; of 5000 at most, as `query` does it. */
  count(query: CountQuery, position: Position | undefined): LookedAt & { count: number } {
    const { lookedUpTo, where, values } = this.#part(query, position)
    const row = this.#database
      .prepare(`SELECT count(*) AS count FROM usage_records WHERE ${where}`)
      .get(...values)
    return { count: Number(row?.['count']), lookedUpTo }
  }

  /** The conditions for the next records that are looked at, which the keys alone tell apart from those behind them. */
  #part(query: CountQuery, position: Position | undefined): LookedAt & Clause {
    const keys = keyConditions(query)
    if (position !== undefined) keys.push(['(at_ms, id) < (?, ?)', position.atMs, position.id])
    const { where, values } = clauseOf(keys)
    const end = this.#database
      .prepare(
        `SELECT at_ms, id FROM usage_records WHERE ${where} ORDER BY at_ms DESC, id DESC LIMIT 1 OFFSET ?`,
      )
      .get(...values, LOOKED_AT_ONCE - 1)
    const lookedUpTo = positionOf(end)
    if (lookedUpTo !== undefined) keys.push(['(at_ms, id) >= (?, ?)', lookedUpTo.atMs, lookedUpTo.id])
    return { lookedUpTo, ...clauseOf([...keys, ...fieldConditions(query)]) }
  }

  /** Deletes some of the records from before a time; true when there may be more of them. */
  deleteBefore(beforeMs: number): boolean {
    // Up to a checkpoint, which says how the chain stood there, so that what follows can be verified.
    const upTo = this.chain.lastSignedBefore(beforeMs)
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
         (SELECT tenant_id, at_ms, id FROM usage_records
          WHERE tenant_id = ? AND at_ms < ? AND (seq IS NULL OR seq <= ?) LIMIT ?)`,
    )
    let left = DELETED_AT_ONCE
    for (const { id } of tenants.all()) {
      left -= Number(deletion.run(id ?? null, beforeMs, upTo, left).changes)
      if (left === 0) return true
    }
    this.chain.forgetBefore(upTo)
    return false
  }

  /** Erases what is personal in the records of a person, and returns how many they were. Nothing of it stays in the file. */
  erase(person: Person, by: string): number {
    const { where, values } = clauseOf([...conditionsOf(person), ['at_ms < ?', person.beforeMs]])
    const rows = this.#database
      .prepare(`SELECT tenant_id, at_ms, id, salt, record FROM usage_records WHERE ${where} LIMIT ?`)
      .all(...values, person.limit)
    const update = this.#database.prepare(
      'UPDATE usage_records SET record = ?, salt = NULL WHERE tenant_id = ? AND at_ms = ? AND id = ?',
    )
    this.#database.exec('PRAGMA secure_delete = ON')
    this.#transaction(() => {
      for (const { record, salt, tenant_id: tenant, at_ms: atMs, id } of rows) {
        const erased = erasedText(String(record), typeof salt === 'string' ? salt : null, by)
        update.run(erased, tenant ?? null, atMs ?? null, id ?? null)
      }
    })
    // The log of the database has the pages as they were.
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA secure_delete = OFF')
    return rows.length
  }

  close(): void {
    this.#database.close()
  }

  /** Whether it is a record; one that is there already keeps its place in the chain. */
  #store(text: string): boolean {
    const place = placeOf(text)
    const linked = place && this.#links.next(text)
    if (place === undefined || linked === undefined) return false
    const { seq, salt, hash } = linked.link
    const { changes } = this.#insert.run(place.tenantId, place.atMs, place.id, linked.text, seq, salt, hash)
    if (changes > 0) this.#links.keep(linked)
    return true
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

function positionOf(row: Record<string, unknown> | undefined): Position | undefined {
  return row && { atMs: Number(row['at_ms']), id: String(row['id']) }
}

interface LookedAt {
  readonly lookedUpTo: Position | undefined
}

interface Clause {
  readonly where: string
  readonly values: SQLInputValue[]
}

type Condition = readonly [sql: string, ...values: SQLInputValue[]]

function conditionsOf(query: CountQuery): Condition[] {
  return [...keyConditions(query), ...fieldConditions(query)]
}

function keyConditions(query: CountQuery): Condition[] {
  const conditions: Condition[] = [['tenant_id = ?', query.tenantId]]
  if (query.from !== undefined) conditions.push(['at_ms >= ?', query.from])
  if (query.to !== undefined) conditions.push(['at_ms < ?', query.to])
  return conditions
}

function fieldConditions(query: CountQuery): Condition[] {
  return (['subject', 'target', 'server', 'outcome'] as const).flatMap((field): Condition[] => {
    const value = query[field]
    return value === undefined ? [] : [[`record->>'${field}' = ?`, value]]
  })
}

function clauseOf(conditions: readonly Condition[]): Clause {
  return {
    where: conditions.map(([sql]) => sql).join(' AND '),
    values: conditions.flatMap(([, ...values]) => values),
  }
}

/** What a record is kept under. */
type Place = Pick<StoredRecord, 'tenantId' | 'atMs' | 'id'>

/** How a record begins in a line of `lineOf`. */
const HEAD = /^\{"id":"([^"\\]{1,128})","atMs":(\d{1,16}),"tenantId":"([^"\\]{1,512})"/

/** Where a record belongs; undefined if it is none. Its checksum was right, so that nothing else has to be read. */
function placeOf(text: string): Place | undefined {
  const [, id, atMs, tenantId] = HEAD.exec(text) ?? []
  if (id === undefined || tenantId === undefined) return recordInLine(text)
  return { id, atMs: Number(atMs), tenantId }
}
