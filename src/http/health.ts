import { type Response, Router } from 'express'
import { statusOf } from '../rest/enhance.ts'
import { methodNotAllowed } from '../rest/method-not-allowed.ts'
import { identityOf } from '../identity/identity.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../domain/documents/server-definition.ts'
import type { OpenEnhancer } from '../features/enhancement/enhancer-open.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { ProbeState } from './probes/probe-thread.ts'

/**
 * `/healthz` and `/readyz`, without authentication: they report only up or down, which condition is not met, and what is
 * out of date or not delivered (`stale`, present only when something is).
 */
export function probes(lifecycle: Lifecycle): Router {
  const router = Router()
  // Express would answer preflights here, for pages of any origin.
  router.options(['/healthz', '/readyz'], (_request, _response, next) => next('router'))
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' })
  })
  router.get('/readyz', (_request, response) => {
    const { isReady, body } = readiness(lifecycle)
    answering(response, isReady).type('json').send(body)
  })
  return router
}

function answering(response: Response, isWell: boolean): Response {
  return isWell ? response : response.status(503).set('Retry-After', '1')
}

/** The current response of `/readyz`. */
export function readiness(lifecycle: Lifecycle): ProbeState {
  const missing = lifecycle.notReady()
  const stale = lifecycle.stale()
  const isReady = missing.length === 0
  const status = isReady ? 'ready' : 'not ready'
  return { isReady, body: JSON.stringify({ status, missing, ...(stale.length > 0 && { stale }) }) }
}

interface HealthSources {
  readonly catalog: Catalog
  readonly upstreams: Upstreams
  readonly enhancing: OpenEnhancer
}

/**
 * `/health` and `/health/{server}`: the state of the servers that the caller may see, of the circuit breakers that its
 * own calls go through, and of the Ollama server; 503 if one is down or its circuit breaker is open. A server that
 * starts on its first call does not count as down before that.
 */
export function serverHealth({ catalog, upstreams, enhancing }: HealthSources): Router {
  const router = Router()
  const healthOf = (principal: Principal, server: ServerDefinition): JsonObject => {
    const key = serverKey(server)
    const status = upstreams.status(key)
    return {
      name: server.name,
      state: server.transport === 'builtin' ? 'ready' : (status?.state ?? 'stopped'),
      since: status === undefined ? undefined : new Date(status.since).toISOString(),
      breaker: upstreams.breakerOf(server, principal),
      tools: catalog.catalogOf(server)?.offer.tools.length,
    }
  }

  router.get('/health', (_request, response) => {
    const { principal } = identityOf(response)
    const servers = catalog.viewOf(principal).servers.map((server) => healthOf(principal, server))
    const isWell = servers.every(
      ({ state, breaker }) => (state === 'ready' || state === 'stopped') && breaker !== 'open',
    )
    answering(response, isWell).json({
      status: isWell ? 'ok' : 'degraded',
      servers,
      enhancer: statusOf(enhancing), // calls go on without it
    })
  })

  router.get('/health/:server', (request, response) => {
    const { server: name } = request.params
    const { principal } = identityOf(response)
    const server = catalog.viewOf(principal, name).servers[0]
    if (server === undefined)
      throw new GatewayError('server_not_found', `Unknown server: ${name.slice(0, 40)}`)
    const health = healthOf(principal, server)
    const isWell = health['state'] === 'ready' && health['breaker'] !== 'open'
    answering(response, isWell).json(health)
  })

  router.all(['/health', '/health/:server'], methodNotAllowed('GET'))
  return router
}
