import { type Request, type Response, Router } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { identityOf } from '../../identity/identity.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import { logAction, managedServer, type ManagementOptions } from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { requireRole } from '../require-role.ts'
import { stateOf } from './servers.ts'

type Action = 'start' | 'stop' | 'restart'

/**
 * `POST /v1/servers/{name}/start`, `stop` and `restart` for operators. They change what runs and not the registry, in
 * this process alone, and are idempotent; the answer is how the server does, which may still be starting.
 */
export function serverActionRoutes(options: ManagementOptions & { upstreams: Upstreams }): Router {
  const router = Router()
  const actions: Record<Action, (server: ServerDefinition) => void> = {
    start: (server) => options.upstreams.resume(serverKey(server), 'an operator started it'),
    stop: (server) => options.upstreams.halt(serverKey(server), 'an operator stopped it'),
    restart: (server) => options.upstreams.restart(serverKey(server), 'an operator restarted it'),
  }
  const act = (action: Action) => async (request: Request, response: Response) => {
    const identity = identityOf(response)
    const server = managedServer(options, request, identity)
    const { name, tenantId, enabled } = server
    if (!enabled && action !== 'stop') throw new GatewayError('server_disabled')
    await options.acts.perform(
      identity,
      () => actions[action](server),
      () => ({ action: `server.${action}`, object: { tenantId, name }, server: name }),
    )
    logAction(options, identity, `server: ${action}`, server)
    response.json({ name, tenantId, ...stateOf(options, server, true) })
  }
  const operator = requireRole('operator')
  router.post('/servers/:name/start', operator, act('start'))
  router.post('/servers/:name/stop', operator, act('stop'))
  router.post('/servers/:name/restart', operator, act('restart'))
  router.all(
    ['start', 'stop', 'restart'].map((action) => `/servers/:name/${action}`),
    methodNotAllowed('POST'),
  )
  return router
}
