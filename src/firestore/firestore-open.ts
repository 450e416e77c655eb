import type { Settings } from '../config/settings.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { FirestoreClient } from './firestore.ts'

/**
 * The client of the database; undefined in the embedded mode, which does not load the library.
 * @throws GoogleCredentialsError when there are no credentials that can be used
 */
export async function openDatabase(
  settings: Pick<Settings, 'firestore'>,
  lifecycle: Lifecycle,
): Promise<FirestoreClient | undefined> {
  if (settings.firestore === undefined) return undefined
  const { connectFirestore } = await import('./firestore.ts')
  const client = await connectFirestore(settings.firestore)
  lifecycle.onClose('firestore', () => client.close(), { lane: 'records' })
  return client
}
