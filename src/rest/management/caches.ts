import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Administration } from '../../audit/administration.ts'
import { identityOf } from '../../identity/identity.ts'
import type { Caches } from '../../features/features-open.ts'
import type { BoundedCache } from '../../cache/bounded-cache.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { needAdmin } from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { queryOf } from '../query.ts'
import { requireRole } from '../require-role.ts'

interface CacheRouteOptions {
  readonly caches: Caches
  readonly platformAdminRole: string
  readonly acts: Administration
  readonly logger: Logger
}

/** Which caches a request is about. */
export const cachesQuery = z.strictObject({
  cache: z.enum(['enhancements', 'results']).optional(),
  tenantId: z.string().max(63).optional(),
})

/**
 * `GET` and `DELETE /v1/caches` for operators: the figures and the entries of the own tenant; with `?tenantId=*`, for
 * the platform's administrators, those of all.
 */
export function cacheRoutes(options: CacheRouteOptions): Router {
  const router = Router()

  router.get('/caches', requireRole('operator'), (request, response) => {
    const { tenantId, chosen } = addressed(options, request, identityOf(response).principal)
    response.json({ caches: chosen.map(([name, cache]) => ({ name, ...cache.figures(tenantId) })) })
  })

  router.delete('/caches', requireRole('operator'), async (request, response) => {
    const { tenantId, chosen } = addressed(options, request, identityOf(response).principal)
    const identity = identityOf(response)
    const cleared = await options.acts.perform(
      identity,
      () => chosen.map(([name, cache]) => ({ name, entries: cache.clear(tenantId) })),
      (entries) => ({
        action: 'cache.clear',
        object: { tenantId: tenantId ?? ALL_TENANTS, name: chosen.map(([name]) => name).join(', ') },
        change: { cleared: entries },
      }),
    )
    const { principal, requestId } = identity
    const by = { subject: principal.subject, callerTenant: principal.tenantId, requestId }
    options.logger.info({ cleared, tenantId: tenantId ?? ALL_TENANTS, ...by }, 'caches cleared')
    response.json({ cleared })
  })

  router.all('/caches', methodNotAllowed('GET, DELETE'))
  return router
}

/**
 * Which caches a request is about, and whose part of them; undefined for everybody's.
 * @throws GatewayError `forbidden`
 */
function addressed(
  { caches, platformAdminRole }: CacheRouteOptions,
  request: Request,
  principal: Principal,
): { tenantId: string | undefined; chosen: [string, BoundedCache][] } {
  const { cache, tenantId = principal.tenantId } = queryOf(cachesQuery, request)
  const chosen = Object.entries(caches).filter(([name]) => cache === undefined || name === cache)
  if (tenantId === principal.tenantId) return { tenantId, chosen }
  if (tenantId !== ALL_TENANTS)
    throw new GatewayError(
      'forbidden',
      'You can only access the caches of your tenant, or of all tenants with `*`',
    )
  needAdmin(principal, platformAdminRole, 'Seeing or clearing the caches of all tenants')
  return { tenantId: undefined, chosen }
}
