import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { makePrivateDirectory } from '../files/private-file.ts'

/**
 * Keeps modules as they are compiled for the next start, those that are imported after this; without
 * `NODE_DISABLE_COMPILE_CACHE`, and where it can write.
 */
export async function keepCompiled({ XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv): Promise<void> {
  try {
    // In a folder of the user, because code that others could put there would be run.
    const folder = join(cache || join(homedir(), '.cache'), 'tool-gateway')
    await makePrivateDirectory(folder) // Node itself never ends making one in a folder that takes none, as /proc
    enableCompileCache(folder)
  } catch {
    // The user has no home, or may not write there.
  }
}
