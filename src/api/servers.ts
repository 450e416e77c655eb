import { Router } from 'express'
import type { Catalog } from '../catalog/catalog.ts'
import { ALL_TENANTS } from '../domain/principal.ts'
import { serverKey, withoutEffect } from '../domain/server-definition.ts'
import { serversOf } from '../domain/snapshot.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { requireRole } from './require-role.ts'
import { callerOf } from './run.ts'

/** `GET /v1/servers` for operators: every server of the tenant with its state, and the documents that were refused. */
export function serverRoutes({ catalog, upstreams }: { catalog: Catalog; upstreams: Upstreams }): Router {
  const router = Router()

  router.get('/servers', requireRole('operator'), (request, response) => {
    const { tenantId } = callerOf(request).principal
    const { snapshot } = catalog
    response.json({
      generation: snapshot.generation,
      servers: serversOf(snapshot, tenantId).map((server) => {
        const offered = catalog.catalogOf(server)
        const status = upstreams.status(serverKey(server))
        return {
          name: server.name,
          tenantId: server.tenantId,
          transport: server.transport,
          enabled: server.enabled,
          description: server.description,
          state: status?.state ?? 'stopped',
          reason: status?.reason,
          since: status === undefined ? undefined : new Date(status.since).toISOString(),
          instances: status?.instances ?? [],
          tools: offered?.offer.tools.length,
          resources: offered?.offer.resources.length,
          prompts: offered?.offer.prompts.length,
          problems: offered?.problems ?? [],
          warnings: withoutEffect(server),
        }
      }),
      quarantined: snapshot.quarantined.filter(
        (document) => document.tenantId === tenantId || document.tenantId === ALL_TENANTS,
      ),
    })
  })

  return router
}
