import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { ChainEntry, StoredChains } from '../chain/chain-entries.ts'
import { damageOr } from './damage.ts'
import { isCurrent, isEmpty } from './migrations.ts'
import { SqliteChain } from './sqlite-chain.ts'

const BUSY_TIMEOUT_MS = 5000

/**
 * Opens the chain of a database file for reading alone.
 * @throws Error when there is none, DamagedDatabaseError when it is damaged, which reading the entries may find, too
 */
export function readSqliteChain(path: string): StoredChains {
  if (!existsSync(path)) throw new Error(`there are no usage records: ${path} does not exist`)
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  try {
    checkVersion(database, path)
  } catch (error) {
    database.close()
    throw damageOr(error, path)
  }
  return { entries: () => entriesOf(database, path), close: () => database.close() }
}

function checkVersion(database: DatabaseSync, path: string): void {
  if (isCurrent(database)) return
  if (isEmpty(database)) throw new Error(`there are no usage records: ${path} is empty`)
  throw new Error(`${path} is of another version; start the gateway of this version once`)
}

function* entriesOf(database: DatabaseSync, path: string): Generator<ChainEntry> {
  try {
    yield* new SqliteChain(database).entries()
  } catch (error) {
    throw damageOr(error, path)
  }
}
