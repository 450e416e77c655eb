import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Logger } from '../telemetry/logger.ts'
import { AuditLog } from './audit-log.ts'
import type { AuditStore } from './audit-store.ts'
import { readDigestKey } from './digest/digest-key.ts'
import { SqliteAuditStore } from './sqlite/sqlite-store.ts'

/** Time for the records in the queue at the end. */
const FLUSH_MS = 2000

/** How usage records are kept. */
export type AuditSettings = Pick<
  Settings,
  'dataDir' | 'auditQueueLimit' | 'auditRetentionDays' | 'auditSpoolMaxBytes' | 'auditDigestKey'
>

/** The store of the usage records while the gateway runs. */
interface OpenAuditStore extends AuditStore {
  /** Size of the spool, and whether it is being emptied; absent if there is no spool. */
  readonly spool?: () => { readonly waitingBytes: number; readonly isDelivering: boolean }
}

/** The usage records while the gateway runs. */
export interface OpenAudit {
  readonly store: OpenAuditStore
  readonly log: AuditLog
}

interface OpenOptions {
  readonly firestore: FirestoreClient | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/**
 * Opens the usage records: in Firestore behind a spool on disk where there is a client, else in SQLite.
 * @param options.onLate called for each call that is answered before its record is written
 * @throws Error when the data directory or a file in it cannot be used
 */
export async function openAudit(
  settings: AuditSettings,
  options: OpenOptions & { lifecycle: Lifecycle; onLate: () => void },
): Promise<OpenAudit> {
  const { clock, random, logger, lifecycle, onLate } = options
  const store = await openStore(settings, options)
  lifecycle.onClose('audit store', () => store.close())
  const log = new AuditLog({ store, clock, random, logger, queueLimit: settings.auditQueueLimit, onLate })
  lifecycle.onClose('audit log', () => log.close(FLUSH_MS))
  return { store, log }
}

async function openStore(settings: AuditSettings, options: OpenOptions): Promise<OpenAuditStore> {
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
