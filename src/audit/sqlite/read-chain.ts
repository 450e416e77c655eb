import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { StoredChains } from '../chain/chain-entries.ts'
import { isCurrent } from './migrations.ts'
import { SqliteChain } from './sqlite-chain.ts'

const BUSY_TIMEOUT_MS = 5000

/** Opens the chain of a database file for reading alone. @throws Error when there is none */
export function readSqliteChain(path: string): StoredChains {
  if (!existsSync(path)) throw new Error(`there are no usage records: ${path} does not exist`)
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  if (!isCurrent(database)) {
    database.close()
    throw new Error(`${path} is of another version; start the gateway of this version once`)
  }
  return { entries: () => new SqliteChain(database).entries(), close: () => database.close() }
}
