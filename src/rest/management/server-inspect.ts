import { Router } from 'express'
import { identityOf } from '../../identity/identity.ts'
import type { Inspector } from '../../upstream/inspection.ts'
import { logAction, managedServer, type ManagementOptions } from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { requireRole } from '../require-role.ts'

/**
 * `POST /v1/servers/{name}/inspect` for operators: opens a separate connection to a server, which may be failing,
 * stopped or disabled, and reports it message by message. It is cancelled when the caller disconnects.
 */
export function serverInspectRoutes(options: ManagementOptions & { inspector: Inspector }): Router {
  const router = Router()
  router.post('/servers/:name/inspect', requireRole('operator'), async (request, response) => {
    const identity = identityOf(response)
    const server = managedServer(options, request, identity)
    const abort = new AbortController()
    response.once('close', () => abort.abort(new Error('the caller disconnected')))
    logAction(options, identity, 'server: inspect', server)
    const { tenantId, name } = server
    await options.acts.record(identity, {
      action: 'server.inspect',
      object: { tenantId, name },
      server: name,
    })
    const found = await options.inspector.inspect(server, {
      tenantId: identity.principal.tenantId,
      signal: abort.signal,
    })
    response.json({ name: server.name, tenantId: server.tenantId, ...found })
  })
  router.all('/servers/:name/inspect', methodNotAllowed('POST'))
  return router
}
