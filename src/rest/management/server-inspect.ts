import { Router } from 'express'
import type { Inspector } from '../../upstream/inspection.ts'
import { logAction, managedServer, type ManagementOptions } from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { requireRole } from '../require-role.ts'

/**
 * `POST /v1/servers/{name}/inspect` for operators: what happens when a connection of its own is opened to a server that
 * may be failing, stopped or disabled, message by message. A caller that goes away cancels it.
 */
export function serverInspectRoutes(options: ManagementOptions & { inspector: Inspector }): Router {
  const router = Router()
  router.post('/servers/:name/inspect', requireRole('operator'), async (request, response) => {
    const server = managedServer(options, request)
    logAction(options, request, 'server: inspect', server)
    const abort = new AbortController()
    response.once('close', () => abort.abort(new Error('the caller went away')))
    const found = await options.inspector.inspect(server, abort.signal)
    response.json({ name: server.name, tenantId: server.tenantId, ...found })
  })
  router.all('/servers/:name/inspect', methodNotAllowed('POST'))
  return router
}
