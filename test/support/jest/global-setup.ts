import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '@jest/types'
import { firestoreBackend, isCi, SHARED_EMULATOR } from '../firestore-backend.ts'
import { type FirestoreProcess, startFirestoreProcess } from '../firestore-process.ts'

const WARM_UP = join(import.meta.dirname, 'warm-up.ts')
let emulator: FirestoreProcess | undefined

/**
 * Starts the Firestore emulator that all workers of a whole run share: each start of one costs five seconds. Meanwhile
 * modules are compiled, which each worker and process would do for itself in a fresh clone.
 */
// oxlint-disable-next-line import/no-default-export -- Jest takes a function that is the default export
export default async function globalSetup(config: Config.GlobalConfig): Promise<void> {
  const isWholeRun = config.nonFlagArgs.length === 0 && config.shard === undefined
  const backend = firestoreBackend()
  // Workers need not look for Java and the emulator again, each for every file.
  if (backend.kind === 'stand-in' && !isCi) process.env['FIRESTORE_TESTS'] = 'stand-in'
  if (isWholeRun) await Promise.all([warmUp(), backend.kind === 'own' && shareEmulator(backend.jar)])
}

async function warmUp(): Promise<void> {
  const { NODE_COMPILE_CACHE, TEST_COMPILE_CACHE } = process.env
  const env = { ...process.env, NODE_COMPILE_CACHE: NODE_COMPILE_CACHE ?? TEST_COMPILE_CACHE }
  // A module that cannot be loaded fails the tests that load it.
  await promisify(execFile)(process.execPath, [WARM_UP], { env }).catch(() => undefined)
}

async function shareEmulator(jar: string): Promise<void> {
  emulator = await startFirestoreProcess({ jar, rules: undefined })
  process.env[SHARED_EMULATOR] = `${emulator.target.host}:${emulator.target.port}`
}

export async function stopSharedEmulator(): Promise<void> {
  await emulator?.stop()
}
