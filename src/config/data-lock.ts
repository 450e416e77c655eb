import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

const LOCK_FILE = 'gateway.pid'

/**
 * Makes sure that one gateway at a time uses a data directory: two would write into each other's files.
 * The returned function gives the directory free.
 * @throws Error naming the process that holds it
 */
export async function lockDataDirectory(dir: string): Promise<() => Promise<void>> {
  const path = join(dir, LOCK_FILE)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    if (await writeOwn(path)) return () => rm(path, { force: true })
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (isOther(holder)) {
      throw new Error(
        `another gateway (process ${holder}) uses ${dir}; stop it, or set DATA_DIR to another folder`,
      )
    }
    await rm(path, { force: true })
  }
  throw new Error(`${path} cannot be taken over; remove it if no gateway uses ${dir}`)
}

async function writeOwn(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST')
      return false
    throw error
  }
}

/** Whether a process id is that of a live process that is not this one. A container restarts under the same id. */
function isOther(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM'
  }
}
