import { join } from 'node:path'
import type { Clock } from '../domain/clock.ts'
import type { FirestoreClient } from '../store/firestore.ts'
import type { Logger } from '../telemetry/logger.ts'
import { FileSource } from './file-source.ts'
import { FileStore } from './file-store.ts'
import type { RegistrySource } from './registry-source.ts'
import type { RegistryStore } from './registry-store.ts'
import type { TenantDirectory } from './tenants.ts'

/** Where the registry is kept. */
export interface RegistrySettings {
  readonly dataDir: string
  readonly registryFile: string
  readonly defaultTenant: string
  readonly firestore: { readonly projectId: string; readonly databaseId: string } | undefined
  readonly registryProbeMs: number
}

/** How fresh the registry is that the gateway works with. */
interface RegistryFreshness {
  /** `stale`: the store does not answer, and the last good registry goes on. */
  readonly state: 'connecting' | 'live' | 'stale'
  /** Milliseconds since the store last answered. */
  readonly ageMs: number
  /** Removals that are held back. */
  readonly held: number
}

/** The registry while the gateway runs: what it reads from, and what writes go to. */
export interface OpenRegistry {
  readonly source: RegistrySource
  readonly store: RegistryStore
  readonly freshness: () => RegistryFreshness
}

/** Opens the registry: Firestore where there is a client, else a file. Nothing is read yet. */
export async function openRegistry(
  settings: RegistrySettings,
  options: {
    firestore: FirestoreClient | undefined
    directory: TenantDirectory
    clock: Clock
    random: () => number
    logger: Logger
  },
): Promise<OpenRegistry> {
  const { firestore, directory, clock, random, logger } = options
  if (firestore === undefined || settings.firestore === undefined) {
    const { registryFile: path, defaultTenant } = settings
    const source = new FileSource({ path, defaultTenant, directory, clock, logger })
    const store = new FileStore({ path, defaultTenant, clock })
    return { source, store, freshness: () => ({ state: 'live', ageMs: 0, held: 0 }) }
  }
  // Imported here, so that the embedded mode does not load the client library.
  const { firestoreDocuments } = await import('../store/firestore-documents.ts')
  const { FirestoreSource } = await import('./firestore-source.ts')
  const { FirestoreStore } = await import('./firestore-store.ts')
  const { projectId, databaseId } = settings.firestore
  const source = new FirestoreSource({
    store: firestoreDocuments(firestore.db, { clock }),
    directory,
    lastGoodFile: join(settings.dataDir, 'last-good-registry.json'),
    database: `${projectId}/${databaseId}`,
    clock,
    random,
    logger,
    probeMs: settings.registryProbeMs,
  })
  return { source, store: new FirestoreStore({ db: firestore.db, clock }), freshness: () => source.status }
}
