import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Administration, AdministrativeAct } from '../audit/administration.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { AccountKey } from '../credentials/accounts/account.ts'
import type { Connection } from '../credentials/accounts/connections.ts'
import { isOAuthServer, type OAuthServer } from '../credentials/authorization/discovery.ts'
import { mayConnect } from '../credentials/consent/may-connect.ts'
import type { OpenCredentials } from '../credentials/credentials-open.ts'
import { decide } from '../domain/access-policy.ts'
import { isHttp, serverKey } from '../domain/documents/server-definition.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Principal } from '../domain/principal.ts'
import { serverNamed, serversOf } from '../domain/snapshot.ts'
import { identityOf } from '../identity/identity.ts'
import type { Logger } from '../telemetry/logger.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { queryOf } from './query.ts'

interface ConnectionRouteOptions {
  readonly publicUrl: string
  readonly catalog: Catalog
  readonly credentials: Pick<OpenCredentials, 'connections' | 'links'>
  readonly acts: Administration
  readonly logger: Logger
}

const OPERATOR = 'operator'
/** Whose accounts are listed. */
export const connectionsQuery = z.strictObject({
  of: z.enum(['self', 'tenant']).default('self').describe('`tenant`: of everybody (role `operator`)'),
})
/** Whose account is disconnected. */
export const disconnectQuery = z.strictObject({
  subject: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('Another person than the caller (role `operator`)'),
})

/**
 * `GET /v1/connections`: the accounts of the caller at servers, and the servers where one can be connected; for
 * operators with `?of=tenant` who of the tenant is connected where. `POST /v1/connections/{server}` gives the link by
 * which the caller connects an account, `DELETE` disconnects it. No answer has a token.
 */
export function connectionRoutes(options: ConnectionRouteOptions): Router {
  const { credentials, catalog, acts, logger } = options
  const router = Router()

  router.get('/connections', async (request, response) => {
    const { principal } = identityOf(response)
    const { of } = queryOf(connectionsQuery, request)
    if (of === 'self') return void response.json({ connections: await ownConnections(options, principal) })
    needOperator(principal, 'Seeing the connections of the tenant')
    const found = await credentials.connections.list(principal.tenantId)
    response.json({ connections: found.map((connection) => shown(connection, { withSubject: true })) })
  })

  router.post('/connections/:server', async (request, response) => {
    const { principal } = identityOf(response)
    const server = serverFor(catalog, principal, request)
    if (!mayConnect(server, principal)) needOperator(principal, 'Connecting the account of the tenant')
    const { url, expiresAt } = await credentials.links.issue(server, principal, [])
    response.status(201).json({ server: server.name, url, expiresAt: new Date(expiresAt).toISOString() })
  })

  router.delete('/connections/:server', async (request, response) => {
    const identity = identityOf(response)
    const { principal, requestId } = identity
    const { subject } = queryOf(disconnectQuery, request)
    const { key, server } = addressed(catalog, principal, request, subject)
    const { wasConnected, isRevoked } = await acts.perform(
      identity,
      () => credentials.connections.disconnect(key, server),
      (gone) => (gone.wasConnected ? disconnection(key, gone.isRevoked) : undefined),
    )
    if (!wasConnected) throw new GatewayError('not_found', 'There is no account to disconnect')
    const by = { subject: principal.subject, callerTenant: principal.tenantId, requestId }
    logger.info({ server: key.server, of: key.subject, isRevoked, ...by }, 'account disconnected')
    response.json({ server: nameOf(key), disconnected: true, revoked: isRevoked })
  })

  router.all('/connections', methodNotAllowed('GET'))
  router.all('/connections/:server', methodNotAllowed('POST, DELETE'))
  return router
}

/** The accounts that calls of the principal use, connected or not, by server. */
async function ownConnections(
  { catalog, credentials, publicUrl }: ConnectionRouteOptions,
  principal: Principal,
): Promise<JsonObject[]> {
  const { tenantId, subject } = principal
  const own = await credentials.connections.list(tenantId, subject)
  const ofTenant = await credentials.connections.list(tenantId, '')
  const connections = [...own, ...ofTenant]
  const missing = serversOf(catalog.snapshot, tenantId)
    .filter((server) => isUsable(catalog, principal, serverKey(server)))
    .flatMap((server) => (isHttp(server) && isOAuthServer(server) ? [server] : []))
    .filter((server) => !connections.some(({ key }) => key.server === serverKey(server)))
  const listed = [
    ...connections.map((connection) => shown(connection, { withSubject: false })),
    ...missing.map(({ name, auth }) => ({ server: name, per: auth.per, state: 'not_connected' })),
  ]
  return listed
    .map((each) => ({ ...each, connectUrl: `${publicUrl}/connect/${each.server}` }))
    .toSorted((a, b) => (a.server < b.server ? -1 : 1))
}

function shown(
  { key, info, lastUse }: Connection,
  { withSubject }: { withSubject: boolean },
): JsonObject & { server: string } {
  const { state, account, scopes, since, issuer } = info
  return {
    server: nameOf(key),
    per: key.subject === '' ? 'tenant' : 'user',
    ...(withSubject && key.subject !== '' && { subject: key.subject }),
    state,
    ...(account !== undefined && { account }),
    scopes,
    issuer,
    since: new Date(since).toISOString(),
    ...(lastUse !== undefined && { lastUse: new Date(lastUse).toISOString() }),
  }
}

/** The subject is empty where the account is the tenant's. */
function disconnection(key: AccountKey, isRevoked: boolean): AdministrativeAct {
  const { tenantId, subject } = key
  const name = nameOf(key)
  return {
    action: 'connection.remove',
    object: { tenantId, name },
    server: name,
    change: { of: subject === '' ? null : subject, revoked: isRevoked },
  }
}

function nameOf({ server }: AccountKey): string {
  return server.slice(server.indexOf('/') + 1)
}

/** @throws GatewayError `server_not_found`, also for a server that the caller may not use, or that has no accounts */
function serverFor(catalog: Catalog, principal: Principal, request: Request): OAuthServer {
  const server = serverNamed(catalog.snapshot, principal.tenantId, String(request.params['server']))
  if (server !== undefined && isHttp(server) && isOAuthServer(server)) {
    if (isUsable(catalog, principal, serverKey(server))) return server
  }
  throw new GatewayError('server_not_found')
}

/** Whose account is to be disconnected; those of servers that are gone are found by their names. */
function addressed(
  catalog: Catalog,
  principal: Principal,
  request: Request,
  subject: string | undefined,
): { key: AccountKey; server: OAuthServer | undefined } {
  const { tenantId } = principal
  const name = String(request.params['server'])
  if (subject !== undefined && subject !== principal.subject)
    needOperator(principal, 'Disconnecting the account of another person')
  const found = serverNamed(catalog.snapshot, tenantId, name)
  const server = found !== undefined && isHttp(found) && isOAuthServer(found) ? found : undefined
  const isOfTenant = server?.auth.per === 'tenant'
  if (isOfTenant) needOperator(principal, 'Disconnecting the account of the tenant')
  const whose = isOfTenant ? '' : (subject ?? principal.subject)
  return { key: { tenantId, subject: whose, server: serverKey(server ?? { tenantId, name }) }, server }
}

function isUsable(catalog: Catalog, principal: Principal, server: string): boolean {
  return decide(principal, 'list', { server, kind: 'server' }, catalog.snapshot).effect === 'allow'
}

function needOperator({ roles }: Principal, what: string): void {
  if (!roles.includes(OPERATOR)) throw new GatewayError('forbidden', `${what} needs the role ${OPERATOR}`)
}
