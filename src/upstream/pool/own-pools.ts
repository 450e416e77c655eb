import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import type { Pool } from './pool.ts'

/** Of the places at a server for all tenants, the part that one tenant may have. */
const TENANT_PART = 4

/** A pool that is one caller's own. */
interface OwnPool {
  readonly isolationKey: string
  readonly pool: Pick<Pool, 'isInUse' | 'lastUse'>
  /** Undefined where nobody said whose it is. */
  readonly owner: Principal | undefined
}

/**
 * Who gives way to one more pool of `owner`; undefined while there is room. It is one that is not in use: of the same
 * user if there is one, then of the same tenant, then of anybody, and of these the one that was used last the longest ago.
 * At a server for all tenants a tenant that has its part gets no more at the cost of others.
 * @returns `'nobody'` where all are in use
 */
export function givingWay(
  pools: readonly OwnPool[],
  owner: Principal | undefined,
  { most, tenantId }: { most: number; tenantId: string },
): OwnPool | 'nobody' | undefined {
  const ofTenant = pools.filter((each) => each.owner?.tenantId === owner?.tenantId)
  const mostOfTenant = tenantId === ALL_TENANTS ? Math.max(1, Math.floor(most / TENANT_PART)) : most
  const hasItsPart = ofTenant.length >= mostOfTenant
  if (!hasItsPart && pools.length < most) return undefined
  const [first] = (hasItsPart ? ofTenant : pools)
    .filter(({ pool }) => !pool.isInUse)
    .toSorted(
      (a, b) => distance(a.owner, owner) - distance(b.owner, owner) || a.pool.lastUse - b.pool.lastUse,
    )
  return first ?? 'nobody'
}

function distance(a: Principal | undefined, b: Principal | undefined): number {
  if (a?.tenantId !== b?.tenantId) return 2
  return a?.issuer === b?.issuer && a?.subject === b?.subject ? 0 : 1
}
