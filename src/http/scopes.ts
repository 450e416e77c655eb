import { ALL_TENANTS } from '../domain/principal.ts'
import type { Snapshot } from '../domain/snapshot.ts'

/** What a scope may look like (RFC 6749 §3.3). */
export const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/
/** They go into a header of every challenge. */
const MAX_CHARACTERS = 2000

/**
 * The scopes that clients should ask an authorization server for: those of the settings, then those that tools need.
 * Anybody may read them, so those of a tenant's tools are only among them while there is no other tenant.
 */
export function scopesToAskFor(
  fixed: readonly string[],
  snapshotOf: () => Snapshot,
): () => readonly string[] {
  const known = new WeakMap<Snapshot, readonly string[]>()
  return () => {
    const snapshot = snapshotOf()
    const scopes = known.get(snapshot) ?? withinBounds([...new Set([...fixed, ...neededBy(snapshot)])])
    known.set(snapshot, scopes)
    return scopes
  }
}

function neededBy({ servers }: Snapshot): string[] {
  const all = [...servers.values()]
  const tenants = new Set(all.map(({ tenantId }) => tenantId).filter((id) => id !== ALL_TENANTS))
  return all
    .filter(({ tenantId }) => tenantId === ALL_TENANTS || tenants.size === 1)
    .flatMap(({ tools = {} }) => Object.values(tools))
    .flatMap((override) => (Array.isArray(override) ? [] : (override.scopes ?? [])))
    .toSorted()
}

function withinBounds(scopes: readonly string[]): string[] {
  let characters = 0
  return scopes.filter((scope) => SCOPE.test(scope) && (characters += scope.length + 1) <= MAX_CHARACTERS)
}
