import { existsSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * Keeps modules as they are compiled for the next start, those that are imported after this; without
 * `NODE_DISABLE_COMPILE_CACHE`, and where it can write.
 */
export function keepCompiled({ XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv): void {
  try {
    // In a folder of the user, because code that others could put there would be run.
    const folder = join(cache || join(homedir(), '.cache'), 'tool-gateway')
    make(folder)
    enableCompileCache(folder)
  } catch {
    // The user has no home, or may not write there.
  }
}

/** One by one: Node never ends making folders within one that takes none, as /proc. */
function make(folder: string): void {
  if (existsSync(folder)) return
  make(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}
