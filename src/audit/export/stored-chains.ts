import { join } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import type { StoredChains } from '../chain/chain-entries.ts'

/**
 * Opens the records of an installation for reading: `audit.db` of the data directory, also while a gateway writes it, or
 * Firestore.
 * @throws Error when there is no such database, or it is of an earlier version, DamagedDatabaseError when it is damaged
 */
export async function openStoredChains(
  settings: Pick<Settings, 'dataDir' | 'firestore'>,
): Promise<StoredChains> {
  if (settings.firestore === undefined) {
    const { readSqliteChain } = await import('../sqlite/read-chain.ts')
    return readSqliteChain(join(settings.dataDir, 'audit.db'))
  }
  const { connectFirestore } = await import('../../firestore/firestore.ts')
  const { firestoreEntries } = await import('../firestore/firestore-chain.ts')
  const client = await connectFirestore(settings.firestore)
  return { entries: () => firestoreEntries(client.db), close: () => client.close() }
}
