import type { Catalog } from '../catalog/catalog.ts'
import { serverPart } from '../catalog/catalog.ts'
import { type Decision, decide, type Target } from '../domain/access-policy.ts'
import type { Principal } from '../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../domain/server-definition.ts'
import { serverNamed } from '../domain/snapshot.ts'
import type { Caller, Operation, Route } from './call.ts'

/**
 * What a name leads to: a route and the decision on it, or nothing of that name. `pending` names a server that
 * the caller may use and that has not said yet what it offers.
 */
export type Routing =
  | { readonly found: true; readonly route: Route; readonly decision: Decision }
  | { readonly found: false; readonly pending: string | undefined }

/** Finds where an operation goes and whether its caller may do it. The caller's own view plays no part. */
export function routeOf(caller: Caller, operation: Operation, catalog: Catalog): Routing {
  const candidates = candidatesOf(caller.principal, operation, catalog).map((route) => ({
    route,
    decision: decide(caller.principal, operation.action, targetOf(route, operation), catalog.snapshot),
  }))
  const chosen = candidates.find(({ decision }) => decision.effect === 'allow') ?? candidates[0]
  if (chosen !== undefined) return { found: true, ...chosen }
  return { found: false, pending: pendingServer(caller.principal, operation, catalog) }
}

function targetOf(route: Route, operation: Operation): Target {
  return { server: serverKey(route.server), kind: operation.kind, name: route.name }
}

function candidatesOf(principal: Principal, operation: Operation, catalog: Catalog): Route[] {
  const { kind, name, scope } = operation
  if (kind === 'resource') return resourceRoutes(principal, operation, catalog)
  const item = catalog.find(kind, principal.tenantId, scope, name)
  const server = item && catalog.snapshot.servers.get(item.server)
  return item !== undefined && server !== undefined ? [{ server, name: item.name }] : []
}

/** A server that is addressed alone gets every URI: servers may serve resources that they do not list. */
function resourceRoutes(principal: Principal, operation: Operation, catalog: Catalog): Route[] {
  const { name, scope } = operation
  if (scope !== undefined) {
    const server = serverNamed(catalog.snapshot, principal.tenantId, scope)
    return server === undefined ? [] : [{ server, name }]
  }
  return catalog.findResource(principal.tenantId, scope, name).flatMap((item) => {
    const server = catalog.snapshot.servers.get(item.server)
    return server === undefined ? [] : [{ server, name }]
  })
}

function pendingServer(principal: Principal, operation: Operation, catalog: Catalog): string | undefined {
  if (operation.kind === 'resource') return undefined
  const server = serverNamed(
    catalog.snapshot,
    principal.tenantId,
    operation.scope ?? serverPart(operation.name),
  )
  if (server === undefined || catalog.catalogOf(server) !== undefined) return undefined
  return isVisible(principal, server, catalog) ? server.name : undefined
}

function isVisible(principal: Principal, server: ServerDefinition, catalog: Catalog): boolean {
  return (
    decide(principal, 'list', { server: serverKey(server), kind: 'server' }, catalog.snapshot).effect ===
    'allow'
  )
}
