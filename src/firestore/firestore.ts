import { Firestore } from '@google-cloud/firestore'
import { sleep, systemClock } from '../domain/clock.ts'
import { isJsonObject } from '../domain/json/json.ts'
import { findGoogleCredentials } from './google-credentials.ts'

/** Time for one commit on the wire; the library's own limit is a minute, with ten tries. */
const COMMIT_TIMEOUT = '3s'

/** Time for requests under way when a client ends. */
const TERMINATE_MS = 500

/** A Firestore client and how to end it. */
export interface FirestoreClient {
  readonly db: Firestore
  close(): Promise<void>
}

/**
 * Opens a client with the credentials of the environment, or of the emulator that FIRESTORE_EMULATOR_HOST names.
 * @throws GoogleCredentialsError when there are none, or none that can be used
 */
export async function connectFirestore(options: {
  projectId: string
  databaseId: string
}): Promise<FirestoreClient> {
  const isEmulator = Boolean(process.env['FIRESTORE_EMULATOR_HOST'])
  return openFirestore({ ...options, ...(!isEmulator && { auth: await findGoogleCredentials() }) })
}

/**
 * Opens a client; without `auth` for the emulator that FIRESTORE_EMULATOR_HOST names. Nothing is sent yet. The library
 * does not fail fast: reads need `withDeadline`, listeners a watchdog.
 */
export function openFirestore(options: {
  projectId: string
  databaseId: string
  auth?: Awaited<ReturnType<typeof findGoogleCredentials>>
}): FirestoreClient {
  const db = new Firestore({
    ...options,
    ignoreUndefinedProperties: true,
    grpcOptions: {
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 2000,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      'grpc.service_config': JSON.stringify({
        loadBalancingConfig: [],
        methodConfig: [
          {
            name: ['Commit', 'BatchWrite'].map((method) => ({
              service: 'google.firestore.v1.Firestore',
              method,
            })),
            timeout: COMMIT_TIMEOUT,
          },
        ],
      }),
    },
  })
  observeRequests(db)
  return {
    db,
    close: async () => {
      // It waits for requests under way, which a store that is away may leave so for a minute.
      await Promise.race([db.terminate(), sleep(systemClock, TERMINATE_MS)])
    },
  }
}

/**
 * The library begins each request of a stream with a promise that it does not look at. What fails there, and what it
 * tries again after the end of its client, as it does all through an outage, would end the process.
 */
function observeRequests(db: Firestore): void {
  const pool: unknown = Reflect.get(db, '_clientPool')
  const run: unknown = isJsonObject(pool) ? pool['run'] : undefined
  if (!isJsonObject(pool) || typeof run !== 'function') return
  pool['run'] = (...request: unknown[]): unknown => {
    const running: unknown = Reflect.apply(run, pool, request)
    Promise.resolve(running).catch(() => {})
    return running
  }
}
