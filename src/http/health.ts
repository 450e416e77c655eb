import { Router } from 'express'
import { methodNotAllowed } from '../api/method-not-allowed.ts'
import { identityOf } from '../auth/identity.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import { type ServerDefinition, serverKey } from '../domain/server-definition.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Upstreams } from '../upstream/upstreams.ts'

/**
 * `/healthz` and `/readyz`, open to probes: they tell nothing but up or down, which condition is missing, and what is
 * out of date (`stale`, only there when something is).
 */
export function probes(lifecycle: Lifecycle): Router {
  const router = Router()
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' })
  })
  router.get('/readyz', (_request, response) => {
    const missing = lifecycle.notReady()
    const stale = lifecycle.stale()
    response.status(missing.length === 0 ? 200 : 503).json({
      status: missing.length === 0 ? 'ready' : 'not ready',
      missing,
      ...(stale.length > 0 && { stale }),
    })
  })
  return router
}

/**
 * `/health` and `/health/{server}`: the state of the servers that the caller may see; 503 when one is down. A server
 * that starts with its first call is not down before it.
 */
export function serverHealth({ catalog, upstreams }: { catalog: Catalog; upstreams: Upstreams }): Router {
  const router = Router()
  const healthOf = (server: ServerDefinition): JsonObject => {
    const status = upstreams.status(serverKey(server))
    return {
      name: server.name,
      state: status?.state ?? 'stopped',
      since: status === undefined ? undefined : new Date(status.since).toISOString(),
      tools: catalog.catalogOf(server)?.offer.tools.length,
    }
  }

  router.get('/health', (request, response) => {
    const servers = catalog.viewOf(identityOf(request).principal).servers.map(healthOf)
    const isWell = servers.every(({ state }) => state === 'ready' || state === 'stopped')
    response.status(isWell ? 200 : 503).json({ status: isWell ? 'ok' : 'degraded', servers })
  })

  router.get('/health/:server', (request, response) => {
    const { server: name } = request.params
    const server = catalog.viewOf(identityOf(request).principal, name).servers[0]
    if (server === undefined)
      throw new GatewayError('server_not_found', `Unknown server: ${name.slice(0, 40)}`)
    const health = healthOf(server)
    response.status(health['state'] === 'ready' ? 200 : 503).json(health)
  })

  router.all(['/health', '/health/:server'], methodNotAllowed('GET'))
  return router
}
