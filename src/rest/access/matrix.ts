import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import {
  type AgentCell,
  agentCell,
  MAX_EXPLANATIONS,
  roleCell,
  toolsOfTenant,
} from '../../catalog/access/matrix.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { type Page, pageOf } from '../../catalog/page.ts'
import { inSlices, type Slices } from '../../domain/concurrency/slices.ts'
import { namedIn } from '../../domain/access/conditions.ts'
import type { Principal } from '../../domain/principal.ts'
import { serversOf } from '../../domain/snapshot.ts'
import { identityOf } from '../../identity/identity.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { pageQuery, queryOf } from '../query.ts'
import { requireRole } from '../require-role.ts'

const MAX_COLUMNS = 50

const names = z
  .string()
  .max(8000)
  .transform((text) => text.split(',').map((name) => name.trim()))
  .optional()

/** What a matrix is asked for with. */
export const matrixQuery = z.object({
  limit: pageQuery.limit.pipe(z.number().max(500)),
  cursor: pageQuery.cursor,
  by: z.enum(['roles', 'agents']).default('roles').describe('Roles by tools, or agents by servers'),
  server: z.string().max(40).optional(),
  roles: names.describe('Roles, separated by commas; by default those that the documents name'),
})

const effect = z.enum(['allow', 'deny', 'conditional'])
const cell = z.object({ effect, ruleId: z.string() })

/** Who may use what in a tenant. */
export const matrixAnswer = z.object({
  by: z.enum(['roles', 'agents']),
  columns: z
    .array(z.string().nullable())
    .describe('Roles, null for a caller without a role; or the names of servers'),
  omittedColumns: z.number().describe('How many more there are'),
  rows: z.array(
    z.object({
      name: z.string().nullable().describe('A tool; or an agent, null for one that no document names'),
      server: z.string().optional(),
      cells: z.array(cell.extend({ tools: z.number().optional(), of: z.number().optional() })),
    }),
  ),
  missingServers: z.array(z.string()).describe('Servers whose tools are not known yet'),
  nextCursor: z.string().optional(),
})

type Matrix = z.input<typeof matrixAnswer>

/** `GET /v1/access/matrix` for operators: which role may use which tool, or which agent which server. */
export function matrixRoutes({ catalog }: { catalog: Catalog }): Router {
  const router = Router()
  router.get('/access/matrix', requireRole('operator'), async (request: Request, response: Response) => {
    const query = queryOf(matrixQuery, request)
    const { principal } = identityOf(response)
    response.json(
      await inSlices(
        query.by === 'roles'
          ? rolesByTools(catalog, principal, query)
          : agentsByServers(catalog, principal, query),
      ),
    )
  })
  router.all('/access/matrix', methodNotAllowed('GET'))
  return router
}

type Query = z.output<typeof matrixQuery>

function* rolesByTools(catalog: Catalog, principal: Principal, query: Query): Slices<Matrix> {
  const { tenantId } = principal
  const source = catalog.source()
  const all = query.roles ?? namedIn(source.snapshot, tenantId).roles
  const columns = [null, ...all.slice(0, MAX_COLUMNS)]
  const tools = toolsOfTenant(source, tenantId).filter(
    ({ serverName }) => query.server === undefined || serverName === query.server,
  )
  // Definitions are not shown, so they do not count.
  const rows = tools.map(({ server, serverName, name, shownAs }) => ({
    server,
    serverName,
    name,
    shownAs,
    listed: {},
  }))
  const page = pageFor(rows, principal, query)
  const shown: Matrix['rows'] = []
  for (const { server, serverName, name, shownAs } of page.items) {
    const cells = columns.map((role) =>
      roleCell(source, { tenantId, role: role ?? undefined }, { server, kind: 'tool', name }),
    )
    shown.push({ name: shownAs, server: serverName, cells })
    yield
  }
  return {
    by: 'roles',
    columns,
    omittedColumns: Math.max(0, all.length - MAX_COLUMNS),
    rows: shown,
    missingServers: missingIn(catalog, tenantId, query.server),
    ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }),
  }
}

function* agentsByServers(catalog: Catalog, principal: Principal, query: Query): Slices<Matrix> {
  const { tenantId } = principal
  const source = catalog.source()
  const servers = serversOf(source.snapshot, tenantId).filter(
    ({ name }) => query.server === undefined || name === query.server,
  )
  const columns = servers.slice(0, MAX_COLUMNS)
  // No agent has an empty name, so it stands for those that no document names.
  const agents = ['', ...namedIn(source.snapshot, tenantId).agents].map((shownAs) => ({
    shownAs,
    listed: {},
  }))
  const tools = columns.reduce(
    (sum, server) => sum + (source.catalogOf(server)?.tools.exposed.items.length ?? 0),
    columns.length,
  )
  const most = Math.max(1, Math.floor(MAX_EXPLANATIONS / Math.max(1, tools)))
  const page = pageFor(agents, principal, { ...query, limit: Math.min(query.limit, most) })
  const rows: Matrix['rows'] = []
  for (const { shownAs } of page.items) {
    const of = { tenantId, agent: shownAs === '' ? undefined : shownAs }
    const cells: AgentCell[] = []
    for (const server of columns) cells.push(yield* agentCell(source, of, server))
    rows.push({ name: shownAs === '' ? null : shownAs, cells })
    yield
  }
  return {
    by: 'agents',
    columns: columns.map(({ name }) => name),
    omittedColumns: servers.length - columns.length,
    rows,
    missingServers: missingIn(catalog, tenantId, query.server),
    ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }),
  }
}

function pageFor<T extends { readonly shownAs: string; readonly listed: object }>(
  items: readonly (T & { listed: Record<string, never> })[],
  principal: Principal,
  { cursor, limit, by, server, roles }: Query,
): Page<T> {
  const list = JSON.stringify(['/v1/access/matrix', by, server, roles])
  return pageOf(items, cursor, limit, { principal, scope: undefined, list })
}

function missingIn(catalog: Catalog, tenantId: string, wanted: string | undefined): string[] {
  return serversOf(catalog.snapshot, tenantId)
    .filter((server) => server.enabled && (wanted === undefined || server.name === wanted))
    .filter((server) => catalog.catalogOf(server) === undefined)
    .map(({ name }) => name)
}
