import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { Logger } from '../telemetry/logger.ts'
import { CombinedSource } from './combined-source.ts'
import { FileSource } from './file/file-source.ts'
import { FileStore } from './file/file-store.ts'
import { RegistryFile } from './file/registry-file.ts'
import { serverRules } from './documents/server-rules.ts'
import type { RegistryEdits } from './registry-edits.ts'
import type { RegistryFreshness, RegistrySource } from './registry-source.ts'
import type { RegistryStore } from './registry-store.ts'
import { settledStore } from './settled-store.ts'
import type { TenantDirectory } from './tenants.ts'

/** Where the registry is kept. */
export type RegistrySettings = Pick<
  Settings,
  | 'dataDir'
  | 'registryFile'
  | 'defaultTenant'
  | 'firestore'
  | 'registryProbeMs'
  | 'kubernetes'
  | 'outbound'
  | 'launch'
>

/** The registry while the gateway runs: what it reads from, and what writes go to. */
export interface OpenRegistry {
  readonly source: RegistrySource
  readonly store: RegistryStore
  /** Likewise, of pipelines. */
  readonly pipelineStore: RegistryStore
  readonly freshness: () => RegistryFreshness
  /** Whether what was discovered in addition to the registry may be out of date. */
  readonly isDiscoveryStale: () => boolean
}

interface OpenOptions {
  readonly firestore: FirestoreClient | undefined
  readonly directory: TenantDirectory
  /** Sees every edit of the registry, but not what was discovered beside it. */
  readonly edits: RegistryEdits
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/**
 * Opens the registry: Firestore where there is a client, else a file; and what is discovered beside it. Nothing is read
 * yet.
 * @throws Error when servers are to be discovered and there is no configuration that says where
 */
export async function openRegistry(settings: RegistrySettings, options: OpenOptions): Promise<OpenRegistry> {
  const registry = followed(await openMain(settings, options), options.edits)
  const { kubernetes } = settings
  if (kubernetes === undefined) return { ...registry, isDiscoveryStale: () => false }
  const { openKubernetes } = await import('./kubernetes/kubernetes-client.ts')
  const { KubernetesSource } = await import('./kubernetes/kubernetes-source.ts')
  const api = await openKubernetes({
    namespaces: kubernetes.namespaces.map(({ namespace }) => namespace),
    labelSelector: kubernetes.labelSelector,
  })
  const discovery = new KubernetesSource({ api, settings: kubernetes, ...options })
  const source = new CombinedSource({
    main: registry.source,
    discovery,
    directory: options.directory,
    rules: serverRules(settings),
    logger: options.logger,
    defaultTenant: options.firestore === undefined ? settings.defaultTenant : undefined,
  })
  return { ...registry, source, isDiscoveryStale: () => discovery.isStale || source.isStale }
}

function followed(
  registry: Omit<OpenRegistry, 'isDiscoveryStale'>,
  edits: RegistryEdits,
): Omit<OpenRegistry, 'isDiscoveryStale'> {
  return {
    ...registry,
    source: edits.of(registry.source),
    store: edits.writer(registry.store, 'servers'),
    pipelineStore: edits.writer(registry.pipelineStore, 'pipelines'),
  }
}

async function openMain(
  settings: RegistrySettings,
  options: OpenOptions,
): Promise<Omit<OpenRegistry, 'isDiscoveryStale'>> {
  const { firestore, directory, clock, random, logger } = options
  const checks = { rules: serverRules(settings) }
  if (firestore === undefined || settings.firestore === undefined) {
    const { registryFile: path, defaultTenant } = settings
    const file = new RegistryFile(path)
    const source = new FileSource({ path, file, defaultTenant, directory, checks, clock, logger })
    const servers = new FileStore({ path, file, defaultTenant, isShared: true, clock })
    const pipelines = new FileStore({
      path,
      file,
      defaultTenant,
      section: 'pipelines',
      isShared: true,
      clock,
    })
    const store = settledStore(servers, 'servers', source)
    const pipelineStore = settledStore(pipelines, 'pipelines', source)
    return { source, store, pipelineStore, freshness: () => source.status }
  }
  // Imported here, so that the embedded mode does not load the client library.
  const { firestoreDocuments } = await import('../firestore/firestore-documents.ts')
  const { FirestoreSource } = await import('./firestore/firestore-source.ts')
  const { FirestoreStore } = await import('./firestore/firestore-store.ts')
  const { projectId, databaseId } = settings.firestore
  const source = new FirestoreSource({
    store: firestoreDocuments(firestore.db, { clock }),
    directory,
    checks,
    lastGoodFile: join(settings.dataDir, 'last-good-registry.json'),
    database: `${projectId}/${databaseId}`,
    clock,
    random,
    logger,
    probeMs: settings.registryProbeMs,
  })
  const { db } = firestore
  return {
    source,
    store: settledStore(new FirestoreStore({ db, clock }), 'servers', source),
    pipelineStore: settledStore(new FirestoreStore({ db, section: 'pipelines', clock }), 'pipelines', source),
    freshness: () => source.status,
  }
}
