import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'

/** A tenant may have this fraction of the private pools of a server for all tenants: one in four. */
const TENANT_PART = 4

/** A pool that belongs to one caller. */
export interface PrivatePool {
  readonly isolationKey: string
  readonly pool: {
    readonly isInUse: boolean
    /** In monotonic milliseconds. */
    readonly lastUse: number
  }
  /** Undefined if the owner is unknown. */
  readonly owner: Principal | undefined
}

/**
 * Picks the pool to evict so that `owner` can get one more; undefined if there is room. Only pools that are not in use
 * are evicted: one of the same user if possible, else of the same tenant, else of any, and the least recently used
 * among these. At a server for all tenants, a tenant at its limit evicts only its own pools.
 * @returns `'none'` if all are in use
 */
export function poolToEvict<T extends PrivatePool>(
  pools: readonly T[],
  owner: Principal | undefined,
  { limit, tenantId }: { limit: number; tenantId: string },
): T | 'none' | undefined {
  const ofTenant = pools.filter((each) => each.owner?.tenantId === owner?.tenantId)
  const tenantLimit = tenantId === ALL_TENANTS ? Math.max(1, Math.floor(limit / TENANT_PART)) : limit
  const isTenantFull = ofTenant.length >= tenantLimit
  if (!isTenantFull && pools.length < limit) return undefined
  const [first] = (isTenantFull ? ofTenant : pools)
    .filter(({ pool }) => !pool.isInUse)
    .toSorted(
      (a, b) => distance(a.owner, owner) - distance(b.owner, owner) || a.pool.lastUse - b.pool.lastUse,
    )
  return first ?? 'none'
}

function distance(a: Principal | undefined, b: Principal | undefined): number {
  if (a?.tenantId !== b?.tenantId) return 2
  return a?.issuer === b?.issuer && a?.subject === b?.subject ? 0 : 1
}
