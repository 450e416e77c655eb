import type { Request } from 'express'
import { z } from 'zod'
import type { Administration } from '../../audit/administration.ts'
import type { Identity } from '../../identity/identity.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import { isBuiltinName, type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { SERVER_NAME } from '../../domain/documents/document-fields.ts'
import type { ServerRules } from '../../registry/documents/check-server.ts'
import type { RegistryStore, StoredDocument } from '../../registry/registry-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { queryOf } from '../query.ts'

/** What decides whether a caller may manage a server, and records that it did. */
export interface ManagementOptions {
  readonly catalog: Catalog
  readonly logger: Logger
  /** Records what operators do. */
  readonly acts: Administration
  /** Role of those who may manage servers for all tenants and what is started on this machine. */
  readonly platformAdminRole?: string
  /** What the settings forbid in documents of servers. */
  readonly rules?: ServerRules
  /** How many servers a tenant may have; undefined for no limit. */
  readonly maxServersOf?: (tenantId: string) => number | undefined
}

const ADMIN_ROLE = 'platform-admin'

const NEEDS_MATCH = 'The request has no If-Match header; send the ETag from a GET of the same path'

/** Which of two documents of a name a request is about. */
export const tenantQuery = z.object({ tenantId: z.string().max(63).optional() })

/** @throws GatewayError `forbidden`; `what` completes the sentence */
export function needAdmin({ roles }: Principal, role: string = ADMIN_ROLE, what: string): void {
  if (!roles.includes(role)) throw new GatewayError('forbidden', `${what} needs the role ${role}`)
}

/** Whether an operator may manage a server that it sees: those for all tenants are the platform's. */
export function mayManage(
  { roles }: Principal,
  { tenantId }: { tenantId: string },
  role = ADMIN_ROLE,
): boolean {
  return tenantId !== ALL_TENANTS || roles.includes(role)
}

/**
 * Which documents the name in the path may mean, the likeliest first: the tenant's own, else that for all tenants;
 * `?tenantId=*` asks for the latter.
 * @throws GatewayError `unknown`, by default `server_not_found`, for an invalid name and for other tenants
 */
export function addressedBy(
  request: Request,
  { tenantId: own }: Principal,
  unknown: (name: string) => GatewayError = unknownServer,
): { tenantId: string; name: string }[] {
  const { tenantId } = queryOf(tenantQuery, request)
  const name = String(request.params['name'])
  const isForeign = tenantId !== undefined && tenantId !== own && tenantId !== ALL_TENANTS
  if (!SERVER_NAME.test(name) || isBuiltinName(name) || isForeign) throw unknown(name)
  return (tenantId === undefined ? [own, ALL_TENANTS] : [tenantId]).map((each) => ({ tenantId: each, name }))
}

/** The first of the documents that is stored. */
export async function firstStored(
  store: Pick<RegistryStore, 'get'>,
  keys: readonly { tenantId: string; name: string }[],
): Promise<StoredDocument | undefined> {
  for (const { tenantId, name } of keys) {
    const found = await store.get(tenantId, name)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The version that a write is meant for (RFC 9110 §13.1.1): compared with what was read, and again by the store.
 * @throws GatewayError `precondition_required` or `precondition_failed`
 */
export function matchOf(request: Request, { etag }: StoredDocument): string {
  const header = request.get('if-match')
  if (header === undefined) throw new GatewayError('precondition_required', NEEDS_MATCH)
  const tags = header.split(',').map((tag) => tag.trim())
  if (!tags.includes('*') && !tags.includes(`"${etag}"`))
    throw new GatewayError(
      'precondition_failed',
      `If-Match is ${header.slice(0, 128)}; the document has the version "${etag}" now`,
    )
  return etag
}

/**
 * The server that a request of an operator is about, if the caller may manage it: its tenant's own; those for all
 * tenants are the platform's.
 * @throws GatewayError `server_not_found`, `forbidden`, or `invalid_document` for one whose document was refused
 */
export function managedServer(
  { catalog, platformAdminRole }: ManagementOptions,
  request: Request,
  { principal }: Identity,
): ServerDefinition {
  const { servers, quarantined } = catalog.snapshot
  for (const key of addressedBy(request, principal)) {
    const server = servers.get(serverKey(key))
    const refused = quarantined.find(({ tenantId, name }) => tenantId === key.tenantId && name === key.name)
    if (server === undefined && refused === undefined) continue
    if (key.tenantId === ALL_TENANTS)
      needAdmin(principal, platformAdminRole, 'Managing a server for all tenants')
    if (server !== undefined) return server
    throw new GatewayError('invalid_document', `The document was refused: ${refused?.reason ?? ''}`)
  }
  throw unknownServer(String(request.params['name']))
}

/** The error for a server that does not exist or that the caller may not see. */
export function unknownServer(name: string): GatewayError {
  return new GatewayError('server_not_found', `Unknown server: ${name.slice(0, 64)}`)
}

/** Writes down who did something to a server. */
export function logAction(
  { logger }: Pick<ManagementOptions, 'logger'>,
  { principal, requestId }: Identity,
  event: string,
  { tenantId, name }: { tenantId: string; name: string },
  more: object = {},
): void {
  const { subject, tenantId: callerTenant, agent } = principal
  logger.info({ server: name, tenantId, subject, callerTenant, agent, requestId, ...more }, event)
}
