import { randomUUID } from 'node:crypto'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { Leases } from './leases.ts'
import { SqliteStateStore } from './sqlite/sqlite-state-store.ts'
import type { StateStore } from './state-store.ts'

/** What the gateway keeps for itself while it runs. */
export interface OpenState {
  readonly store: StateStore
  readonly leases: Leases
}

/** Opens the state, which is in Firestore where there is a client, else in SQLite. Nothing is read or written yet. */
export async function openState(
  { dataDir }: Pick<Settings, 'dataDir'>,
  context: {
    readonly firestore: FirestoreClient | undefined
    readonly clock: Clock
    readonly random: () => number
    readonly lifecycle: Lifecycle
  },
): Promise<OpenState> {
  const { firestore, clock, random, lifecycle } = context
  const store = await openStore(dataDir, firestore, clock)
  lifecycle.onClose('state', () => store.close(), { lane: 'records' })
  // One process has the file, so that what an earlier one held is nobody's.
  const holder = firestore === undefined ? `${randomUUID()} ` : ''
  return { store, leases: new Leases({ store, clock, random, prefix: holder }) }
}

async function openStore(
  dir: string,
  firestore: FirestoreClient | undefined,
  clock: Clock,
): Promise<StateStore> {
  if (firestore === undefined) return new SqliteStateStore({ dir, clock })
  // Imported here, so that the embedded mode does not load the client library.
  const { FirestoreStateStore } = await import('./firestore/firestore-state-store.ts')
  return new FirestoreStateStore({ db: firestore.db, clock })
}
