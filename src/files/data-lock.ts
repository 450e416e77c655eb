import { statSync } from 'node:fs'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFile } from './system-lock.ts'

/** Says which process uses the directory, for people; what counts is the lock. */
const PID_FILE = 'gateway.pid'
const LOCK_FILE = 'gateway.lock'
const ONLY_OWNER = 0o600

/**
 * Makes sure that one gateway at a time uses a data directory: two would write into each other's files. The system
 * holds the lock for the process and ends it with the process, however that ends; a number of a process could be
 * another's by then, or the same in another container. The returned function gives the directory free.
 * @throws Error naming the process that holds it
 */
export async function lockDataDirectory(dir: string): Promise<() => Promise<void>> {
  const path = join(dir, LOCK_FILE)
  await (await open(path, 'a', ONLY_OWNER)).close()
  const pidFile = join(dir, PID_FILE)
  const unlock = lockFile(path)
  if (unlock === undefined) {
    const holder = (await readFile(pidFile, 'utf8').catch(() => '')).trim()
    const process = /^\d{1,10}$/.test(holder) ? ` (process ${holder})` : ''
    throw new Error(`another gateway${process} uses ${dir}; stop it, or set DATA_DIR to another folder`)
  }
  await rm(pidFile, { force: true })
  await writeFile(pidFile, String(process.pid), { mode: ONLY_OWNER })
  return async () => {
    await rm(pidFile, { force: true })
    unlock()
  }
}

/** What tells a locked data directory apart from all others of this machine; empty for one without a lock. */
export function lockId(dir: string): string {
  const found = statSync(join(dir, LOCK_FILE), { throwIfNoEntry: false, bigint: true })
  return found === undefined ? '' : `${found.dev}-${found.ino}`
}
