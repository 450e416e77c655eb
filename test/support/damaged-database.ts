import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'

/** Overwrites the first page of each table and index of usage records, as a disk does: the file can still be opened. */
export async function damageRecords(path: string): Promise<void> {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE')
  const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.['page_size'])
  const pages = database
    .prepare("SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'usage_records' AND rootpage > 0")
    .all()
    .map(({ rootpage }) => Number(rootpage))
  database.close()
  const file = await open(path, 'r+')
  try {
    for (const page of pages)
      await file.write(Buffer.alloc(pageBytes, 0xff), 0, pageBytes, (page - 1) * pageBytes)
  } finally {
    await file.close()
  }
}
