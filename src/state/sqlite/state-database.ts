import { randomUUID } from 'node:crypto'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import type { StateEntry } from '../state-store.ts'
import type { StateResult, StateTask } from './state-protocol.ts'

const SCHEMA_VERSION = 1
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS state (
    collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version TEXT NOT NULL, expires_at INTEGER,
    PRIMARY KEY (collection, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS state_by_expiry ON state (expires_at) WHERE expires_at IS NOT NULL;`
const BUSY_TIMEOUT_MS = 2000
const IS_THERE = '(expires_at IS NULL OR expires_at > ?)'

type Task<Kind extends StateTask['kind']> = Extract<StateTask, { kind: Kind }>

/** State entries in a SQLite file, synchronous: for a worker thread, never for the one that serves requests. */
export class StateDatabase {
  readonly #database: DatabaseSync

  /** @throws Error if the file is not a database, or of a newer version */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      // What is written is on the disk before anybody hears of it: it may be the only copy of a refresh token.
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version'])
      if (version > SCHEMA_VERSION) throw new Error(`it was written by a newer version (schema ${version})`)
      this.#database.exec(`${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}`)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  perform(task: StateTask): StateResult {
    switch (task.kind) {
      case 'get':
        return { entries: this.#get(task) }
      case 'put':
        return { version: this.#put(task) }
      case 'delete':
        return { removed: this.#delete(task) }
      case 'list':
        return { entries: this.#list(task) }
      case 'purge':
        this.#database.prepare('DELETE FROM state WHERE expires_at <= ?').run(task.now)
        return {}
      case 'close':
        this.#database.close()
        return {}
    }
  }

  #get({ collection, key, now }: Task<'get'>): StateEntry[] {
    const sql = `SELECT * FROM state WHERE collection = ? AND key = ? AND ${IS_THERE}`
    return this.#database.prepare(sql).all(collection, key, now).map(entryOf)
  }

  /** One statement each: it is done or not, also where another process has the file open. */
  #put({ collection, key, value, expected, expiresAt, now }: Task<'put'>): string | undefined {
    const version = randomUUID()
    const written = [value, version, expiresAt ?? null] as const
    if (typeof expected === 'string') {
      const sql = `UPDATE state SET value = ?, version = ?, expires_at = ?
        WHERE collection = ? AND key = ? AND version = ? AND ${IS_THERE}`
      const { changes } = this.#database.prepare(sql).run(...written, collection, key, expected, now)
      return changes === 0 ? undefined : version
    }
    const condition = expected === null ? 'WHERE state.expires_at <= ?' : ''
    const sql = `INSERT INTO state (value, version, expires_at, collection, key) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (collection, key) DO UPDATE
      SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at ${condition}`
    const bound = expected === null ? [now] : []
    const { changes } = this.#database.prepare(sql).run(...written, collection, key, ...bound)
    return changes === 0 ? undefined : version
  }

  #delete({ collection, key, expected, now }: Task<'delete'>): boolean {
    const condition = expected === undefined ? '' : 'AND version = ?'
    const sql = `DELETE FROM state WHERE collection = ? AND key = ? AND ${IS_THERE} ${condition}`
    const bound = expected === undefined ? [] : [expected]
    return this.#database.prepare(sql).run(collection, key, now, ...bound).changes > 0
  }

  #list({ collection, prefix, after, limit, now }: Task<'list'>): StateEntry[] {
    const sql = `SELECT * FROM state WHERE collection = ? AND key >= ? AND key < ? AND key > ? AND ${IS_THERE}
      ORDER BY key LIMIT ?`
    // Keys are printable ASCII, and DEL comes after all of it.
    const rows = this.#database.prepare(sql).all(collection, prefix, `${prefix}\x7f`, after, now, limit)
    return rows.map(entryOf)
  }
}

function entryOf(row: Record<string, SQLOutputValue>): StateEntry {
  const { key, value, version, expires_at: expiresAt } = row
  return {
    key: String(key),
    value: String(value),
    version: String(version),
    expiresAt: expiresAt === null ? undefined : Number(expiresAt),
  }
}
