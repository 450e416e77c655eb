import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import { type Clock, isWithin } from '../domain/clock.ts'
import { makePrivateDirectory } from '../files/private-file.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Logger } from '../telemetry/logger.ts'
import { ActInbox } from './acts/act-inbox.ts'
import { Administration } from './administration.ts'
import { AuditLog } from './audit-log.ts'
import type { AuditStore, RecordReader } from './audit-store.ts'
import type { Checkpoint } from './chain/checkpoint.ts'
import { Checkpoints } from './chain/checkpoints.ts'
import type { NoteSigner } from './chain/note.ts'
import { openSigningKeys } from './chain/signing-keys.ts'
import { readDigestKey } from './digest/digest-key.ts'
import { Digester } from './digest/digester.ts'
import { IntentLog } from './intents/intent-log.ts'
import { Persons } from './persons.ts'
import { encodeLines } from './record-lines.ts'
import { Delivery, type DeliveryOptions } from './spool/delivery.ts'
import { Spool, type SpoolOptions } from './spool/spool.ts'
import { RecordStream } from './stream/record-stream.ts'
import { streamTarget } from './stream/stream-target.ts'
import { SqliteAuditStore } from './sqlite/sqlite-store.ts'

const SPOOL_FOLDER = 'spool'
/** Time for the delivery of what was recorded, before a query and when everything is closed. */
const QUERY_WAIT_MS = 5000
const CLOSE_WAIT_MS = 1000
/** Time for the records that are not in the spool, when everything is closed. */
const FLUSH_MS = 1000

/** How usage records are kept. */
export type AuditSettings = Pick<
  Settings,
  | 'dataDir'
  | 'auditQueueLimit'
  | 'auditRetentionDays'
  | 'auditSpoolMaxBytes'
  | 'auditDigestKey'
  | 'auditDigestKeyPrevious'
  | 'auditSigningKey'
  | 'auditSigningKeyPrevious'
>

/** What the parts of the records need. */
interface AuditContext {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Called with the number of answers that did not wait until their records were written. */
  readonly onLate?: (answers: number) => void
}

/** Where the spool is, and how much of what there may be. */
export interface AuditOptions
  extends AuditContext, Omit<SpoolOptions, 'dir'>, Pick<DeliveryOptions, 'batchSize' | 'delayMs'> {
  readonly dataDir: string
  /** Key of the digests of arguments. */
  readonly key: Buffer
  readonly queueLimit: number
  /** Sign checkpoints, the current one first; without them there are none. */
  readonly signers?: readonly [NoteSigner, ...NoteSigner[]]
  /** Where records are sent in addition to the store. */
  readonly stream?: RecordStream | undefined
  /** Age at which records may be deleted, in days. */
  readonly retentionDays?: number | undefined
  /** Time for a last delivery when it is closed, in milliseconds; 1000 by default. */
  readonly closeWaitMs?: number
}

/** The usage records while the gateway runs. */
export interface OpenAudit extends RecordReader {
  readonly log: AuditLog
  /** Records what administrators do. */
  readonly acts: Administration
  /** Erases people, also from the records of earlier calls. */
  readonly persons: Pick<Persons, 'erase'>
  /** Calls that are announced before they run. */
  readonly intents: IntentLog
  /** Has the records of all calls answered before it, unless the store fails or takes longer than 5 seconds. */
  query: RecordReader['query']
  /** Like `query`. */
  count: RecordReader['count']
  /** Size of what waits for the store, and whether the store takes it. */
  spool(): { readonly waitingBytes: number; readonly isDelivering: boolean }
  /** Wall time in milliseconds of the last checkpoint that this process signed; undefined before the first one. */
  signedAtMs(): number | undefined
  /** After the log: delivers for a little longer, and leaves the rest to the next start. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the usage records, which are stored in Firestore where there is a client, else in SQLite, and registers how they
 * close.
 * @throws Error when the data directory or a file in it cannot be used
 */
export async function openAudit(
  settings: AuditSettings,
  context: AuditContext & {
    readonly firestore: FirestoreClient | undefined
    readonly lifecycle: Lifecycle
    /** Of the process: says whether records are streamed to a collector. */
    readonly env?: Readonly<Record<string, string | undefined>>
  },
): Promise<OpenAudit> {
  const { dataDir, auditDigestKey, auditSpoolMaxBytes: limitBytes, auditQueueLimit: queueLimit } = settings
  await makePrivateDirectory(dataDir)
  const key = auditDigestKey === undefined ? await readDigestKey(dataDir) : Buffer.from(auditDigestKey, 'hex')
  const previous = settings.auditDigestKeyPrevious
  const previousKey = previous === undefined ? undefined : Buffer.from(previous, 'hex')
  const retentionDays = settings.auditRetentionDays
  const store = await openStore({ ...context, key, previousKey, dataDir, retentionDays })
  context.lifecycle.onClose('audit store', () => store.close(), { lane: 'records' })
  const signers = await openSigningKeys(settings)
  const audit = await openAuditOver(store, {
    ...context,
    key,
    dataDir,
    limitBytes,
    queueLimit,
    signers,
    retentionDays,
    stream: openStream(context),
  })
  context.lifecycle.staleWhen('records', () => !audit.spool().isDelivering)
  context.lifecycle.onClose('audit delivery', () => audit.close(), { lane: 'records' })
  context.lifecycle.onClose('audit log', () => audit.log.close(FLUSH_MS), { lane: 'records' })
  return audit
}

/**
 * Opens the log, which appends to the spool on disk, and the delivery from there to the store. What an earlier process
 * left in the spool is delivered first.
 * @throws Error when the spool cannot be used
 */
export async function openAuditOver(store: AuditStore, options: AuditOptions): Promise<OpenAudit> {
  const spool = await Spool.open({ ...options, dir: join(options.dataDir, SPOOL_FOLDER) })
  let signedAtMs: number | undefined
  const checkpoints = checkpointsFor(store, options, ({ atMs }) => (signedAtMs = atMs))
  const { stream } = options
  const onDelivered: DeliveryOptions['onDelivered'] = (lines) => {
    checkpoints?.soon()
    stream?.records(lines.strings())
  }
  const delivery = new Delivery({ ...options, spool, store, onDelivered })
  const digester = new Digester(options)
  const log = new AuditLog({ ...options, spool, digester, onAppended: () => delivery.soon() })
  const { log: intents, left } = await IntentLog.open({ ...options, dir: options.dataDir, digester })
  if (left.length > 0) {
    // Behind what the spool has: a call that has its record keeps that.
    await spool.append(encodeLines(left))
    options.logger.warn(
      { calls: left.length },
      'calls were running when the gateway was killed; their outcome is unknown',
    )
  }
  await intents.forgetLeft()
  delivery.soon()
  void checkpoints?.start()
  const visible = async (): Promise<void> => {
    await log.flush()
    await delivery.caughtUp()
  }
  const acts = new Administration({ ...options, log })
  const inbox = new ActInbox({ ...options, acts })
  inbox.start()
  const digestOf = (text: string): string | Promise<string> => digester.digestOf(text)
  const persons = new Persons({ ...options, store, acts, digestOf, delivered: visible })
  return {
    log,
    acts,
    persons,
    intents,
    query: async (query) => {
      await isWithin(options.clock, visible(), QUERY_WAIT_MS)
      return await store.query(query)
    },
    count: async (query) => {
      await isWithin(options.clock, visible(), QUERY_WAIT_MS)
      return await store.count(query)
    },
    signedAtMs: () => signedAtMs,
    spool: () => ({ waitingBytes: spool.waitingBytes, isDelivering: delivery.isDelivering }),
    close: async () => {
      await inbox.close()
      await intents.close()
      const { clock, closeWaitMs = CLOSE_WAIT_MS } = options
      const end = clock.monotonic() + closeWaitMs
      await delivery.close(closeWaitMs)
      // A store that took no records in that time takes no checkpoint either.
      const leftMs = Math.max(0, end - clock.monotonic())
      if (checkpoints !== undefined) await isWithin(clock, checkpoints.close(), leftMs)
      await stream?.close()
      await spool.close()
      await digester.close()
    },
  }
}

function openStream({
  env = {},
  ...context
}: AuditContext & { env?: Readonly<Record<string, string | undefined>> }): RecordStream | undefined {
  const { target, problem } = streamTarget(env)
  if (problem !== undefined) context.logger.warn(problem)
  return target && new RecordStream({ ...context, target })
}

function checkpointsFor(
  { chain }: AuditStore,
  options: AuditOptions,
  noted: (checkpoint: Checkpoint) => void,
): Checkpoints | undefined {
  const { signers, retentionDays, stream } = options
  if (chain === undefined || signers === undefined) return undefined
  const onSigned = (checkpoint: Checkpoint): void => {
    noted(checkpoint)
    stream?.checkpoint(checkpoint)
  }
  return new Checkpoints({ ...options, chain, signers, retentionDays, onSigned })
}

async function openStore({
  firestore,
  dataDir,
  ...options
}: AuditContext & {
  firestore: FirestoreClient | undefined
  dataDir: string
  key: Buffer
  previousKey: Buffer | undefined
  retentionDays: number
}): Promise<AuditStore> {
  if (firestore === undefined) return SqliteAuditStore.open({ ...options, dir: dataDir })
  // Imported here, so that the embedded mode does not load the client library.
  const { FirestoreAuditStore } = await import('./firestore/firestore-audit-store.ts')
  return new FirestoreAuditStore({ ...options, db: firestore.db })
}
