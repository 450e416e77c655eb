import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { AuditStore } from './audit-store.ts'
import { readDigestKey } from './digest/digest-key.ts'
import { SqliteAuditStore } from './sqlite/sqlite-store.ts'

/** How usage records are kept. */
export type AuditSettings = Pick<
  Settings,
  'dataDir' | 'auditRetentionDays' | 'auditSpoolMaxBytes' | 'auditDigestKey'
>

/** The store of the usage records while the gateway runs. */
export interface OpenAuditStore extends AuditStore {
  /** Size of the spool, and whether it is being emptied; absent if there is no spool. */
  readonly spool?: () => { readonly waitingBytes: number; readonly isDelivering: boolean }
}

/**
 * Opens the store of the usage records: Firestore behind a spool on disk where there is a client, else SQLite.
 * @throws Error when the data directory or a file in it cannot be used
 */
export async function openAuditStore(
  settings: AuditSettings,
  options: {
    firestore: FirestoreClient | undefined
    clock: Clock
    random: () => number
    logger: Logger
  },
): Promise<OpenAuditStore> {
  const { firestore, clock, random, logger } = options
  const { dataDir: dir, auditRetentionDays: retentionDays } = settings
  if (firestore === undefined) return SqliteAuditStore.open({ dir, retentionDays, clock, logger })
  // Imported here, so that the embedded mode does not load the client library.
  const { FirestoreAuditStore } = await import('./firestore/firestore-audit-store.ts')
  const { DigestThread } = await import('./digest/digest-thread.ts')
  const { SpooledStore } = await import('./spool/spooled-store.ts')
  const key =
    settings.auditDigestKey === undefined
      ? await readDigestKey(dir)
      : Buffer.from(settings.auditDigestKey, 'hex')
  const digests = new DigestThread({ key })
  const store = new FirestoreAuditStore({ db: firestore.db, digests, key, clock, logger, retentionDays })
  const spooled = await SpooledStore.open({
    store,
    digests,
    dir,
    limitBytes: settings.auditSpoolMaxBytes,
    clock,
    random,
    logger,
  })
  return {
    write: (batch) => spooled.write(batch),
    query: (query) => spooled.query(query),
    isFull: () => spooled.isFull(),
    spool: () => spooled,
    close: async () => {
      await spooled.close()
      await digests.close()
    },
  }
}
