import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Whether the files below a folder are larger than `maxBytes` together; what goes meanwhile counts for nothing. */
export async function isLargerThan(folder: string, maxBytes: number): Promise<boolean> {
  let bytes = 0
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const path = join(next, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else bytes += await lstat(path).then(({ size }) => size, gone)
      if (bytes > maxBytes) return true
    }
  }
  return false
}

function gone(): number {
  return 0
}
