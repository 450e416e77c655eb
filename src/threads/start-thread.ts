import { getCompileCacheDir } from 'node:module'
import { dirname, extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/**
 * Starts a file beside the module `from` in a separate thread, whose environment has only the folder for compiled
 * modules, without which it would compile what it loads at each start.
 * @param name the file's without its ending: TypeScript when run from the sources, JavaScript when built
 */
export function startThread(from: ImportMeta, name: string, workerData: unknown): Worker {
  const cache = getCompileCacheDir()
  return new Worker(new URL(`${name}${extname(from.filename)}`, from.url), {
    workerData,
    // Node adds a folder of its version below it.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
}
