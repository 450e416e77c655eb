import type { Catalog } from '../catalog/catalog.ts'
import { serverPart } from '../catalog/catalog.ts'
import { splitAlias } from '../catalog/resource-alias.ts'
import { isForAskable, isUriForAskable } from '../catalog/server-catalog.ts'
import { type Decision, decide, type Target } from '../domain/access-policy.ts'
import type { Principal } from '../domain/principal.ts'
import { serverKey } from '../domain/documents/server-definition.ts'
import { serverNamed } from '../domain/snapshot.ts'
import type { Caller, Operation, Route } from './call.ts'
import { isInteractive } from './client/interactive.ts'
import { storedUriIn } from './results/stored-uri.ts'
import type { TaskTarget } from './tasks/task-handles.ts'

/**
 * What a name resolves to: a route with the decision on it, or no target. `pending` is a server that the caller may use
 * and whose offer is not known yet.
 */
export type Routing =
  | {
      readonly found: true
      readonly route: Route
      readonly decision: Decision
      /** Whether the server offers the target only to clients that it can send requests to. */
      readonly needsClient: boolean
    }
  | { readonly found: false; readonly pending: PendingServer | undefined }

/** A server that the caller may use and addressed by name, and the decision that allows it. */
interface PendingServer {
  readonly name: string
  readonly decision: Decision
}

/**
 * Resolves the target of an operation and decides whether the caller may use it. The caller's cached view is not used.
 */
export function routeOf(caller: Caller, operation: Operation, catalog: Catalog): Routing {
  const candidates = candidatesOf(caller.principal, operation, catalog).map((route) => ({
    route,
    decision: decide(caller.principal, operation.action, targetOf(route, operation), catalog.snapshot),
    needsClient: needsClient(route, operation, catalog),
  }))
  const allowed = candidates.filter(({ decision }) => decision.effect === 'allow')
  const canBeAsked = isInteractive(clientOf(caller, operation))
  const chosen = allowed.find((each) => canBeAsked || !each.needsClient) ?? allowed[0] ?? candidates[0]
  if (chosen !== undefined) return { found: true, ...chosen }
  return { found: false, pending: pendingServer(caller.principal, operation, catalog) }
}

/** The client that an operation is for. */
export function clientOf(caller: Caller, operation: Operation): Operation['client'] {
  return operation.client ?? caller.client
}

/** What the decision on a route is about. */
export function targetOf(route: Route, operation: Operation): Target {
  return { server: serverKey(route.server), kind: operation.kind, name: route.name }
}

function candidatesOf(principal: Principal, operation: Operation, catalog: Catalog): Route[] {
  const { kind, name, scope, task } = operation
  if (task !== undefined) return task === 'unknown' ? [] : taskRoutes(task, scope, catalog)
  if (kind === 'server') return routeTo(name, name, principal, catalog)
  if (kind === 'resource') return resourceRoutes(principal, operation, catalog)
  const item = catalog.find(kind, principal.tenantId, scope, name)
  const server = item && catalog.snapshot.servers.get(item.server)
  return item !== undefined && server !== undefined ? [{ server, name: item.name }] : []
}

/** A task stays at its server and tool, even if the server no longer lists the tool. */
function taskRoutes(
  { server: key, tool }: TaskTarget,
  scope: string | undefined,
  { snapshot }: Catalog,
): Route[] {
  const server = snapshot.servers.get(key)
  return server === undefined || (scope !== undefined && scope !== server.name)
    ? []
    : [{ server, name: tool }]
}

/** A server that is addressed alone gets every URI, because servers may serve resources that they do not list. */
function resourceRoutes(principal: Principal, operation: Operation, catalog: Catalog): Route[] {
  const { name, scope } = operation
  if (scope !== undefined) return routeTo(scope, name, principal, catalog)
  const stored = storedUriIn(name)
  if (stored !== undefined) return routeTo(stored.server, name, principal, catalog)
  const alias = splitAlias(name)
  return [
    ...(alias === undefined ? [] : routeTo(alias.serverName, alias.uri, principal, catalog)),
    ...catalog.serversFor(principal, name).map((server) => ({ server, name })),
  ]
}

function routeTo(serverName: string, uri: string, { tenantId }: Principal, { snapshot }: Catalog): Route[] {
  const server = serverNamed(snapshot, tenantId, serverName)
  return server === undefined ? [] : [{ server, name: uri }]
}

function needsClient({ server, name }: Route, { kind }: Operation, catalog: Catalog): boolean {
  const offered = catalog.catalogOf(server)
  if (offered === undefined || kind === 'server') return false
  if (kind === 'resource') return isUriForAskable(offered, name)
  return isForAskable(offered, kind === 'tool' ? 'tools' : 'prompts', name)
}

function pendingServer(
  principal: Principal,
  operation: Operation,
  catalog: Catalog,
): PendingServer | undefined {
  if (operation.kind === 'resource' || operation.task !== undefined) return undefined
  const server = serverNamed(
    catalog.snapshot,
    principal.tenantId,
    operation.scope ?? serverPart(operation.name),
  )
  if (server === undefined || catalog.catalogOf(server) !== undefined) return undefined
  const target = { server: serverKey(server), kind: 'server' } as const
  const decision = decide(principal, 'list', target, catalog.snapshot)
  return decision.effect === 'allow' ? { name: server.name, decision } : undefined
}
