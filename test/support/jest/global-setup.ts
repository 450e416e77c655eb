import type { Config } from '@jest/types'
import { firestoreBackend, isCi, SHARED_EMULATOR } from '../firestore-backend.ts'
import { type FirestoreProcess, startFirestoreProcess } from '../firestore-process.ts'

let emulator: FirestoreProcess | undefined

/** Starts the Firestore emulator that all workers of a whole run share: each start of one costs five seconds. */
// oxlint-disable-next-line import/no-default-export -- Jest takes a function that is the default export
export default async function globalSetup(config: Config.GlobalConfig): Promise<void> {
  const isWholeRun = config.nonFlagArgs.length === 0 && config.shard === undefined
  const backend = firestoreBackend()
  // Workers need not look for Java and the emulator again, each for every file.
  if (backend.kind === 'stand-in' && !isCi) process.env['FIRESTORE_TESTS'] = 'stand-in'
  if (!isWholeRun || backend.kind !== 'own') return
  emulator = await startFirestoreProcess({ jar: backend.jar, rules: undefined })
  process.env[SHARED_EMULATOR] = `${emulator.target.host}:${emulator.target.port}`
}

export async function stopSharedEmulator(): Promise<void> {
  await emulator?.stop()
}
