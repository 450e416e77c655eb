import { Router } from 'express'
import type { Catalog } from '../catalog/catalog.ts'
import type { JsonObject } from '../domain/json.ts'
import { ALL_TENANTS } from '../domain/principal.ts'
import { type ServerDefinition, serverKey, withoutEffect } from '../domain/server-definition.ts'
import { serversOf } from '../domain/snapshot.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { requireRole } from './require-role.ts'
import { callerOf } from './run.ts'

/** What knows how servers do. */
export interface ServerStateSources {
  readonly catalog: Catalog
  readonly upstreams: Upstreams
}

/** `GET /v1/servers` for operators: every server of the tenant with its state, and the documents that were refused. */
export function serverRoutes({ catalog, upstreams }: ServerStateSources): Router {
  const router = Router()

  router.get('/servers', requireRole('operator'), (request, response) => {
    const { tenantId } = callerOf(request).principal
    const { snapshot } = catalog
    response.json({
      generation: snapshot.generation,
      servers: serversOf(snapshot, tenantId).map((server) => ({
        name: server.name,
        tenantId: server.tenantId,
        transport: server.transport,
        enabled: server.enabled,
        description: server.description,
        ...runtimeOf({ catalog, upstreams }, server),
      })),
      quarantined: snapshot.quarantined.filter(
        (document) => document.tenantId === tenantId || document.tenantId === ALL_TENANTS,
      ),
    })
  })

  return router
}

/** How a server does right now: what the list says of it, or why its document is not in use (`quarantined`). */
export function stateOf(sources: ServerStateSources, key: { tenantId: string; name: string }): JsonObject {
  const { snapshot } = sources.catalog
  const server = snapshot.servers.get(serverKey(key))
  const refused = snapshot.quarantined.find(
    ({ tenantId, name }) => tenantId === key.tenantId && name === key.name,
  )
  return {
    ...(server === undefined ? { state: 'stopped' } : runtimeOf(sources, server)),
    ...(refused !== undefined && { quarantined: refused.reason }),
  }
}

function runtimeOf({ catalog, upstreams }: ServerStateSources, server: ServerDefinition): JsonObject {
  const offered = catalog.catalogOf(server)
  const status = upstreams.status(serverKey(server))
  return {
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
}
