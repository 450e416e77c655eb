import { SharedOffers } from '../catalog/shared-offers.ts'
import type { ServerKey } from '../domain/documents/server-definition.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import { ReplicaMail } from '../replicas/replica-mail.ts'
import { ReplicaRelay } from '../replicas/replica-relay.ts'
import type { OpenServers } from './open-servers.ts'
import type { Runtime } from './runtime.ts'

/** What is not stored in this time is lost, and with it the requests that wait for it. */
const MAIL_DEADLINE_MS = 4000

/** The way to the other replicas that share the database; undefined where there is none. */
export async function openRelay(
  { firestore, replica, keys }: { firestore: FirestoreClient | undefined; replica: number; keys: KeyRing },
  { clock, random, logger, lifecycle }: Runtime,
): Promise<ReplicaRelay | undefined> {
  if (firestore === undefined) return undefined
  // Imported here, so that the embedded mode does not load the client library.
  const { firestoreDocuments } = await import('../firestore/firestore-documents.ts')
  const store = firestoreDocuments(firestore.db, { clock, deadlineMs: MAIL_DEADLINE_MS })
  const mail = new ReplicaMail({ self: String(replica), store, clock, random, logger })
  const relay = new ReplicaRelay({ mail, keys, clock, logger })
  lifecycle.onClose('relay', () => relay.close(), { lane: 'records' })
  return relay
}

/** What other replicas say that servers offer; undefined where there is no shared database. */
export async function openSharedOffers(
  firestore: FirestoreClient | undefined,
  { catalog, upstreams }: OpenServers,
  { clock, random, logger, lifecycle }: Runtime,
): Promise<SharedOffers | undefined> {
  if (firestore === undefined) return undefined
  const { firestoreDocuments } = await import('../firestore/firestore-documents.ts')
  const store = firestoreDocuments(firestore.db, { clock })
  const relist = (key: ServerKey): void => upstreams.relist(key)
  const shared = new SharedOffers({ store, catalog, relist, clock, random, logger })
  lifecycle.onClose('shared offers', () => shared.close())
  lifecycle.readyWhen('catalog', () => shared.isSettled)
  shared.start()
  return shared
}
