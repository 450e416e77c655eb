import type { Settings } from './settings.ts'

/** Where the servers are registered, for people: a path, or the database. */
export function registryPlace({
  firestore,
  registryFile,
}: Pick<Settings, 'firestore' | 'registryFile'>): string {
  if (firestore === undefined) return registryFile
  return `Firestore, project ${firestore.projectId}, database ${firestore.databaseId}`
}

/**
 * What an operator should know before the first request. Keys that are made in the data directory differ in each
 * replica, and nobody sees it until a request of a client meets the other replica.
 */
export function startWarnings(
  settings: Pick<Settings, 'store' | 'stateKey' | 'auditDigestKey'>,
): readonly string[] {
  if (settings.store === 'file') return []
  return [
    ...(settings.stateKey === undefined
      ? [
          'STATE_KEY is not set: this replica generates a separate key, and a client with an open question or task ' +
            'cannot continue at another replica; set the same 64 hex digits for all (openssl rand -hex 32)',
        ]
      : []),
    ...(settings.auditDigestKey === undefined
      ? [
          'AUDIT_DIGEST_KEY is not set: this replica generates a separate key, and digests and cursors of usage records ' +
            'differ from those of other replicas; set the same 64 hex digits for all (openssl rand -hex 32)',
        ]
      : []),
  ]
}
