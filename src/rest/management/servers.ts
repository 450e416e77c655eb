import { Router } from 'express'
import type { Catalog } from '../../catalog/catalog.ts'
import type { ServerCatalog } from '../../catalog/server-catalog.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { type ServerDefinition, serverKey, withoutEffect } from '../../domain/documents/server-definition.ts'
import { serversOf } from '../../domain/snapshot.ts'
import { unfilledWarnings } from '../../domain/documents/unfilled.ts'
import type { InstanceStatus } from '../../upstream/instance/instance-context.ts'
import type { ServerStatus } from '../../upstream/pool/server-pools.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import { mayManage } from './managed-server.ts'
import { requireRole } from '../require-role.ts'
import { callerOf } from '../run.ts'

/** What knows how servers do. */
export interface ServerStateSources {
  readonly catalog: Catalog
  readonly upstreams: Upstreams
}

/**
 * `GET /v1/servers` for operators: every server of the tenant with its state, and the documents that were refused. Of
 * servers for all tenants only the platform's operators see what other tenants' processes are and say.
 */
export function serverRoutes({
  catalog,
  upstreams,
  platformAdminRole,
}: ServerStateSources & { platformAdminRole: string }): Router {
  const router = Router()

  router.get('/servers', requireRole('operator'), (_request, response) => {
    const { principal } = callerOf(response)
    const { tenantId } = principal
    const { snapshot } = catalog
    response.json({
      generation: snapshot.generation,
      servers: serversOf(snapshot, tenantId)
        .filter(isManaged)
        .map((server) => ({
          name: server.name,
          tenantId: server.tenantId,
          transport: server.transport,
          enabled: server.enabled,
          description: server.description,
          requiredRoles: server.requiredRoles,
          ...runtimeOf({ catalog, upstreams }, server, mayManage(principal, server, platformAdminRole)),
        })),
      quarantined: snapshot.quarantined.filter(
        (document) => document.tenantId === tenantId || document.tenantId === ALL_TENANTS,
      ),
    })
  })

  return router
}

/** The gateway's own have no document and no process. */
function isManaged({ transport }: ServerDefinition): boolean {
  return transport !== 'builtin'
}

/**
 * The present state of a server: the fields of the list, or the reason for which its document is not in use
 * (`quarantined`).
 * @param isManager whether the caller may manage the server
 */
export function stateOf(
  sources: ServerStateSources,
  key: { tenantId: string; name: string },
  isManager: boolean,
): JsonObject {
  const { snapshot } = sources.catalog
  const server = snapshot.servers.get(serverKey(key))
  const refused = snapshot.quarantined.find(
    ({ tenantId, name }) => tenantId === key.tenantId && name === key.name,
  )
  return {
    // What is written and not in force yet is not stopped, which an operator does.
    ...(server === undefined
      ? { state: refused === undefined ? 'pending' : 'stopped' }
      : runtimeOf(sources, server, isManager)),
    ...(refused !== undefined && { quarantined: refused.reason }),
  }
}

function runtimeOf(
  { catalog, upstreams }: ServerStateSources,
  server: ServerDefinition,
  isManager: boolean,
): JsonObject {
  const offered = catalog.catalogOf(server)
  return {
    ...(shownStatus(upstreams.status(serverKey(server)), isManager) ?? unopened(server)),
    ...(offered !== undefined && countsOf(offered)),
    problems: offered?.problems ?? [],
    // What a server for all tenants is started with is not for every tenant to see.
    warnings: [...withoutEffect(server), ...(isManager ? unfilledWarnings(server) : [])],
  }
}

/** An enabled server whose connections are not opened yet: its document changes too often just now. */
function unopened({ enabled }: ServerDefinition): JsonObject {
  return { state: enabled ? 'pending' : 'stopped', instances: [] }
}

function shownStatus(status: ServerStatus | undefined, isManager: boolean): JsonObject | undefined {
  if (status === undefined) return undefined
  const { state, reason, since, breaker, instances } = status
  return {
    state,
    ...(isManager && { reason }),
    since: new Date(since).toISOString(),
    breaker,
    instances: isManager ? instances : instances.map(withoutWords),
  }
}

/** What a process that others use too says of itself when it ends may be about their calls. */
function withoutWords({ pid: _pid, lastError: _lastError, ...shown }: InstanceStatus): JsonObject {
  return shown
}

function countsOf({ offer }: ServerCatalog): JsonObject {
  return { tools: offer.tools.length, resources: offer.resources.length, prompts: offer.prompts.length }
}
