import type { SettingProblem } from './combinations.ts'
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
 * Which keys are missing for replicas of one database. Commands that only read or write it need none, so that this is
 * asked when a gateway starts.
 */
export function missingKeys({
  store,
  stateKey,
  auditDigestKey,
  sharedKeysProject,
}: Pick<Settings, 'store' | 'stateKey' | 'auditDigestKey' | 'sharedKeysProject'>): SettingProblem[] {
  if (store === 'file' || sharedKeysProject !== undefined) return []
  return [
    ...(stateKey === undefined
      ? [{ name: 'STATE_KEY', expected: expected('it seals sessions, questions and tasks') }]
      : []),
    ...(auditDigestKey === undefined
      ? [{ name: 'AUDIT_DIGEST_KEY', expected: expected('it makes digests and cursors of usage records') }]
      : []),
  ]
}

/** What a gateway does without but should not: a line each for the log. */
export function startWarnings({
  store,
  auditSigningKey,
}: Pick<Settings, 'store' | 'auditSigningKey'>): string[] {
  if (store === 'file' || auditSigningKey !== undefined) return []
  return [
    'AUDIT_SIGNING_KEY is not set: usage records are signed with a key in DATA_DIR, and where DATA_DIR does not last, what earlier starts signed cannot be verified; set 64 hex digits (openssl rand -hex 32), the same for all replicas',
  ]
}

function expected(why: string): string {
  return `the same 64 hex digits for all replicas (openssl rand -hex 32), or SHARED_KEYS_PROJECT, because STORE is \`firestore\`: ${why}`
}
