import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Keeps modules as they are compiled for the next start, those that are imported after this; without
 * `NODE_DISABLE_COMPILE_CACHE`, and where it can write.
 */
export function keepCompiled({ XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv): void {
  try {
    // In a folder of the user, because code that others could put there would be run.
    enableCompileCache(join(cache || join(homedir(), '.cache'), 'tool-gateway'))
  } catch {
    // The user has no home.
  }
}
