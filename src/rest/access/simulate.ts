import { setImmediate } from 'node:timers/promises'
import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { simulate, type Simulation } from '../../catalog/access/simulation.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { LiveSession } from '../../catalog/view-watch.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { inSlices } from '../../domain/concurrency/slices.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import { sessionLabel } from '../../domain/session-label.ts'
import { serverNamed } from '../../domain/snapshot.ts'
import { identityOf } from '../../identity/identity.ts'
import type { ServerRules } from '../../registry/documents/check-server.ts'
import { checkedDocument } from '../../registry/documents/validate.ts'
import { unmasked } from '../../registry/mask.ts'
import { firstStored, mayManage, needAdmin, unknownServer } from '../management/managed-server.ts'
import type { RegistryStore } from '../../registry/registry-store.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { anyObject, bodyOf } from '../query.ts'
import { requireRole } from '../require-role.ts'

const MAX_CHANGES = 500
const MAX_SESSIONS = 1000

const change = z.union([
  z.strictObject({ document: anyObject.describe('The document as it would be saved') }),
  z.strictObject({
    remove: z.string().min(1).max(40).describe('Name of a server'),
    tenantId: z.string().max(63).optional(),
  }),
])

/** An edit of the registry that is only tried. */
export const simulateBody = z.strictObject({ changes: z.array(change).min(1).max(MAX_CHANGES) })

const toolChanges = { gained: z.array(z.string()), lost: z.array(z.string()) }

/** What an edit would do. */
export const simulateAnswer = z.object({
  documents: z.array(
    z.object({
      document: z.string(),
      change: z.enum(['added', 'changed', 'removed', 'none']),
      fields: z.array(z.string()),
      toolsUnknown: z.boolean().describe('Whether its tools are not known yet'),
    }),
  ),
  roles: z.array(
    z.object({ role: z.string().nullable().describe('Null for callers without a role'), ...toolChanges }),
  ),
  agents: z.array(
    z.object({
      agent: z.string().nullable().describe('Null for agents that no document names'),
      ...toolChanges,
    }),
  ),
  sessions: z
    .array(
      z.object({
        id: z.string(),
        transport: z.string(),
        tenantId: z.string(),
        subject: z.string(),
        agent: z.string().nullable(),
        roles: z.array(z.string()),
        server: z.string().nullable().describe('The one server that the session addresses'),
        lists: z.array(z.string()).describe('The lists that it would be told have changed'),
        pending: z.array(z.string()).describe('Servers that it may use, whose tools are not known yet'),
        ...toolChanges,
      }),
    )
    .describe('Sessions of this replica whose lists change'),
  rolesLeftOut: z.number().describe('Roles that were not compared, because there are too many'),
  agentsLeftOut: z.number().describe('Agents that were not compared'),
  sessionsLeftOut: z.number().describe('Sessions that change, too, beyond those listed'),
})

/** What simulations are made from. */
export interface SimulateOptions {
  readonly catalog: Catalog
  readonly store: Pick<RegistryStore, 'get'>
  readonly platformAdminRole: string
  /** What the settings forbid in documents of servers. */
  readonly rules?: ServerRules | undefined
  /** The sessions of this process. */
  readonly sessions: () => readonly LiveSession[]
}

/**
 * `POST /v1/access:simulate` for operators: which roles, agents and live sessions would gain or lose which tools if
 * documents were saved. Nothing is saved.
 */
export function simulateRoutes(options: SimulateOptions): Router {
  const router = Router()
  router.post('/access\\:simulate', requireRole('operator'), async (request: Request, response: Response) => {
    const { principal } = identityOf(response)
    const { changes } = bodyOf(simulateBody, request)
    response.json(await simulationOf(options, principal, changes))
  })
  router.all('/access\\:simulate', methodNotAllowed('POST'))
  return router
}

/**
 * What changes would do, for one who may make them.
 * @throws GatewayError as saving them would: `invalid_document`, `forbidden`, `server_not_found`
 */
async function simulationOf(
  options: SimulateOptions,
  principal: Principal,
  changes: z.output<typeof simulateBody>['changes'],
): Promise<z.input<typeof simulateAnswer>> {
  const put: ServerDefinition[] = []
  const removed: ServerKey[] = []
  for (const each of changes) {
    if ('document' in each) {
      put.push(await definitionOf(options, principal, each.document))
      // Checking a large document takes some tens of milliseconds.
      await setImmediate()
    } else removed.push(removedBy(options, principal, each))
  }
  const isForAll = [...put.map(serverKey), ...removed].some((key) => key.startsWith(`${ALL_TENANTS}/`))
  const sessions = options
    .sessions()
    .filter((session) => isForAll || session.principal.tenantId === principal.tenantId)
  const { tenantId } = principal
  return shown(await inSlices(simulate(options.catalog.source(), { put, removed }, { tenantId, sessions })))
}

async function definitionOf(
  { catalog, store, rules, platformAdminRole }: SimulateOptions,
  principal: Principal,
  given: JsonObject,
): Promise<ServerDefinition> {
  const document: JsonObject = { tenantId: principal.tenantId, ...given }
  const tenantId = String(document['tenantId'])
  mayChange(principal, tenantId, platformAdminRole)
  const stored = await firstStored(store, [{ tenantId, name: String(document['name']) }])
  const { document: wanted, problems } = unmasked(document, stored?.document)
  const checked = checkedDocument(wanted, catalog.snapshot.templates.values(), rules)
  const all = [...problems, ...checked.problems]
  if (checked.definition === undefined || all.length > 0)
    throw new GatewayError('invalid_document', all.join('; '), { facts: { problems: all } })
  return checked.definition
}

function removedBy(
  { catalog, platformAdminRole }: SimulateOptions,
  principal: Principal,
  { remove: name, tenantId }: { remove: string; tenantId?: string | undefined },
): ServerKey {
  const { snapshot } = catalog
  const server =
    tenantId === undefined
      ? serverNamed(snapshot, principal.tenantId, name)
      : snapshot.servers.get(serverKey({ tenantId, name }))
  const isForeign = server !== undefined && ![principal.tenantId, ALL_TENANTS].includes(server.tenantId)
  if (server === undefined || isForeign) throw unknownServer(name)
  mayChange(principal, server.tenantId, platformAdminRole)
  return serverKey(server)
}

function mayChange(principal: Principal, tenantId: string, platformAdminRole: string): void {
  if (tenantId === principal.tenantId) return
  if (tenantId !== ALL_TENANTS)
    throw new GatewayError('forbidden', 'A token can only change the servers of its tenant')
  if (!mayManage(principal, { tenantId }, platformAdminRole))
    needAdmin(principal, platformAdminRole, 'Changing a server for all tenants')
}

function shown({
  sessions,
  documents,
  roles,
  agents,
  ...leftOut
}: Simulation): z.input<typeof simulateAnswer> {
  return {
    documents: documents.map(({ fields, ...rest }) => ({ ...rest, fields: [...fields] })),
    roles: roles.map(({ role, gained, lost }) => ({ role, gained: [...gained], lost: [...lost] })),
    agents: agents.map(({ agent, gained, lost }) => ({ agent, gained: [...gained], lost: [...lost] })),
    sessions: sessions.slice(0, MAX_SESSIONS).map(({ session, lists, pending, gained, lost }) => ({
      id: sessionLabel(session.id),
      transport: session.transport,
      tenantId: session.principal.tenantId,
      subject: session.principal.subject,
      agent: session.principal.agent ?? null,
      roles: [...session.principal.roles],
      server: session.scope ?? null,
      lists: [...lists],
      pending: [...pending],
      gained: [...gained],
      lost: [...lost],
    })),
    ...leftOut,
    sessionsLeftOut: Math.max(0, sessions.length - MAX_SESSIONS),
  }
}
