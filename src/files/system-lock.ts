import { DatabaseSync } from 'node:sqlite'
import { isNativeError } from 'node:util/types'

const SQLITE_BUSY = 5

/**
 * Locks a file for this process until the returned function is called, or the process ends, however that happens.
 * Undefined where another process holds the lock. Node has no lock on files, and SQLite has one of the system.
 */
export function lockFile(path: string): (() => void) | undefined {
  const database = new DatabaseSync(path)
  try {
    database.exec('BEGIN EXCLUSIVE')
    return () => {
      if (database.isOpen) database.close()
    }
  } catch (error) {
    database.close()
    if (isNativeError(error) && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY)
      return undefined
    throw error
  }
}
