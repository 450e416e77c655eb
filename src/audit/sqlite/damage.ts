import { isNativeError } from 'node:util/types'
import { pagePath } from '../../config/pages.ts'
import { messageOf } from '../../domain/errors/errors.ts'

/** A database file whose contents are not those that were written. */
export class DamagedDatabaseError extends Error {
  override readonly name = 'DamagedDatabaseError'
}

/** SQLITE_CORRUPT and SQLITE_NOTADB; further bits of a code say more precisely what. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26])

/** What SQLite threw, or that the file is damaged where it says that. */
export function damageOr(error: unknown, path: string): unknown {
  if (!isNativeError(error) || !isDamage(error)) return error
  return new DamagedDatabaseError(
    `${path} is damaged (${messageOf(error)}): put a backup in its place, see ${pagePath('backup.md')}`,
    { cause: error },
  )
}

function isDamage(error: Error): boolean {
  // The text of a record that is no longer JSON, met by a condition on a field of it.
  if (error.message === 'malformed JSON') return true
  return 'errcode' in error && DAMAGED.has(Number(error.errcode) & 0xff)
}
