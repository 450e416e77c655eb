import { ALL_TENANTS } from '../../domain/principal.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import { BASE_SCOPE } from './endpoints.ts'

/** The scopes that a token can have. */
export interface KnownScopes {
  /** All of them. */
  readonly all: () => readonly string[]
  /** Those that mean something to a tenant. */
  readonly of: (tenantId: string) => ReadonlySet<string>
}

/** The base scope, those of the settings, and those that tools need now. */
export function knownScopes(fixed: readonly string[], snapshotOf: () => Snapshot): KnownScopes {
  const known = new WeakMap<Snapshot, readonly string[]>()
  return {
    all: () => {
      const snapshot = snapshotOf()
      const scopes = known.get(snapshot) ?? [...new Set([BASE_SCOPE, ...fixed, ...neededBy(snapshot)])]
      known.set(snapshot, scopes)
      return scopes
    },
    of: (tenantId) => new Set([BASE_SCOPE, ...fixed, ...neededBy(snapshotOf(), tenantId)]),
  }
}

function neededBy({ servers }: Snapshot, tenantId?: string): string[] {
  return [...servers.values()]
    .filter((server) => tenantId === undefined || [tenantId, ALL_TENANTS].includes(server.tenantId))
    .flatMap(({ tools = {} }) => Object.values(tools))
    .flatMap((override) => (Array.isArray(override) ? [] : (override.scopes ?? [])))
}
