import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Administration } from '../../audit/administration.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { pageOf } from '../../catalog/page.ts'
import { type ToolPin, toolPins, waitingHash } from '../../catalog/pins/pin-list.ts'
import { UNKNOWN_HASH } from '../../catalog/pins/pin-store.ts'
import { readableDifference } from '../../catalog/pins/readable-difference.ts'
import type { PinnedServer, ToolPins } from '../../catalog/pins/tool-pins.ts'
import { mapBounded } from '../../domain/concurrency/map-bounded.ts'
import { isApprover } from '../../domain/approvers.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { differenceOf } from '../../domain/json/difference.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import { serverNamed, serversOf } from '../../domain/snapshot.ts'
import { type Identity, identityOf } from '../../identity/identity.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { bodyOf, pageQuery, queryOf } from '../query.ts'
import { requireApprover } from '../require-role.ts'
import { needAdmin, unknownServer } from './managed-server.ts'

interface PinRouteOptions {
  readonly catalog: Catalog
  readonly pins: ToolPins
  readonly approverRoles: readonly string[]
  readonly platformAdminRole: string
  readonly acts: Administration
}

/** Servers whose pins are read at the same time: a tenant may have any number of servers. */
const READS_AT_ONCE = 8
const HASH = /^[0-9a-f]{64}$/
const expect = z.string().regex(HASH, 'expected the 64 hexadecimal digits of a hash')
const forAll = z
  .literal(ALL_TENANTS)
  .optional()
  .describe('`*`: for all tenants, by the platform’s administrators')

/** What a list of pins is asked for with. */
export const pinsQuery = z.object({
  ...pageQuery,
  server: z.string().max(40).optional(),
  state: z.enum(['waiting', 'pinned', 'changed', 'new']).optional(),
})
/** For whom a definition is approved. */
export const pinQuery = z.object({ tenantId: forAll })
/** The hash of the definition that is approved. */
export const approvalBody = z.strictObject({ expect })
/** The server whose waiting tools are approved, and the hash of all of them. */
export const approvalsBody = z.strictObject({ server: z.string().min(1).max(40), expect })

/**
 * `/v1/pins`: the definitions of tools that are trusted, those that wait for approval, what is different about them,
 * and approving exactly that. Operators and approvers see them; approvers approve.
 */
export function pinRoutes(options: PinRouteOptions): Router {
  const pins = new PinRoutes(options)
  const router = Router()
  const mayApprove = requireApprover(options.approverRoles)
  router.get('/pins', async (request, response) => {
    response.json(await pins.list(request, identityOf(response).principal))
  })
  router.all('/pins', methodNotAllowed('GET'))
  router.post('/pins\\:approve', mayApprove, async (request, response) => {
    response.json(await pins.approveAll(request, identityOf(response)))
  })
  router.get('/pins/:toolId', async (request, response) => {
    response.json(await pins.show(request, identityOf(response).principal))
  })
  router.post('/pins/:toolId/approve', mayApprove, async (request, response) => {
    response.json(await pins.approve(request, identityOf(response)))
  })
  return router
}

class PinRoutes {
  readonly #options: PinRouteOptions

  constructor(options: PinRouteOptions) {
    this.#options = options
  }

  async list(request: Request, principal: Principal): Promise<JsonObject> {
    this.#mayLook(principal)
    const { limit, cursor, server: only, state } = queryOf(pinsQuery, request)
    const { catalog } = this.#options
    const servers = serversOf(catalog.snapshot, principal.tenantId).filter(
      ({ name, transport }) => transport !== 'builtin' && (only === undefined || name === only),
    )
    if (only !== undefined && servers.length === 0) throw unknownServer(only)
    const current = await mapBounded(servers, { limit: READS_AT_ONCE }, (server) => this.#current(server))
    const known = current.flatMap((server) => server ?? [])
    const all = known.map((server) => ({ server, pins: toolPins(server, principal.tenantId) }))
    const entries = all
      .flatMap(({ server, pins }) =>
        pins.filter((pin) => isIn(pin, state)).map((pin) => this.#entry(server, pin)),
      )
      .map((listed) => ({ shownAs: String(listed['id']), listed }))
      .toSorted((a, b) => (a.shownAs < b.shownAs ? -1 : 1))
    const list = JSON.stringify(['/v1/pins', only, state])
    const { items, nextCursor } = pageOf(entries, cursor, limit, { principal, scope: undefined, list })
    return {
      pins: items.map(({ listed }) => listed),
      waiting: all.flatMap(({ server, pins }) => waitingOf(server, pins)),
      mayApprove: isApprover(principal, this.#options.approverRoles),
      ...(nextCursor !== undefined && { nextCursor }),
    }
  }

  async show(request: Request, principal: Principal): Promise<JsonObject> {
    this.#mayLook(principal)
    const { server, pin } = await this.#addressed(request, principal)
    return {
      ...this.#entry(server, pin),
      changes: pin.state === 'pinned' ? [] : readableDifference(pin.pin?.definition, pin.tool),
      definition: pin.tool,
      mayApprove: isApprover(principal, this.#options.approverRoles),
      ...(pin.pin?.definition !== undefined && { pinned: pin.pin.definition }),
    }
  }

  async approve(request: Request, identity: Identity): Promise<JsonObject> {
    const { server, pin } = await this.#addressed(request, identity.principal)
    const { expect: hash } = bodyOf(approvalBody, request)
    await this.#approve(request, identity, server, [{ ...pin, hash }])
    return this.#shown(server.definition, pin.tool.name, identity.principal)
  }

  async approveAll(request: Request, identity: Identity): Promise<JsonObject> {
    const { server: name, expect: hash } = bodyOf(approvalsBody, request)
    const { tenantId } = identity.principal
    const definition = serverNamed(this.#options.catalog.snapshot, tenantId, name)
    const server = definition && (await this.#current(definition))
    if (server === undefined) throw unknownServer(name)
    const pins = toolPins(server, tenantId)
    if (waitingHash(pins) !== hash)
      throw new GatewayError(
        'definition_changed',
        'The tools that wait have another hash together; look at them again',
      )
    const waiting = pins.filter(({ state }) => state !== 'pinned')
    if (waiting.length > 0) await this.#approve(request, identity, server, waiting)
    return { approved: waiting.map((each) => this.#entry(server, each)['id']) }
  }

  async #approve(
    request: Request,
    identity: Identity,
    { definition }: PinnedServer,
    pins: readonly ToolPin[],
  ): Promise<void> {
    const { pins: all, platformAdminRole, acts } = this.#options
    const { principal } = identity
    const { tenantId = principal.tenantId } = queryOf(pinQuery, request)
    if (tenantId === ALL_TENANTS) {
      needAdmin(principal, platformAdminRole, 'Approving a definition for all tenants')
      if (definition.tenantId !== ALL_TENANTS)
        throw new GatewayError('forbidden', `The server ${definition.name} is of one tenant`)
    }
    const expected = new Map(pins.map(({ tool, hash }) => [tool.name, hash]))
    const names = pins.map(({ tool }) => this.#idOf(definition, tool.name))
    await acts.perform(
      identity,
      () => all.approve(serverKey(definition), { tenantId, by: principal.subject, expected }),
      () => ({
        action: 'tool.approve',
        object: { tenantId, name: names.join(', ') },
        server: definition.name,
        change: {
          definitions: pins.slice(0, 10).map(({ tool, hash, pin }) => ({
            tool: tool.name,
            hash,
            ...(pin !== undefined && { before: pin.hash }),
            ...differenceOf(pin?.definition, tool),
          })),
        },
      }),
    )
  }

  /** Operators manage servers, and approvers have to see what they approve. */
  #mayLook(principal: Principal): void {
    const { approverRoles } = this.#options
    if (principal.roles.includes('operator') || isApprover(principal, approverRoles)) return
    throw new GatewayError('forbidden', `This needs one of the roles operator, ${approverRoles.join(', ')}`)
  }

  /** @throws GatewayError `tool_not_found` */
  async #addressed(
    request: Request,
    { tenantId }: Principal,
  ): Promise<{ server: PinnedServer; pin: ToolPin }> {
    const { catalog } = this.#options
    const id = String(request.params['toolId'])
    const item = catalog.find('tool', tenantId, undefined, id)
    const definition = item && catalog.snapshot.servers.get(item.server)
    const server = definition && (await this.#current(definition))
    const pin = server && toolPins(server, tenantId).find(({ tool }) => tool.name === item?.name)
    if (server === undefined || pin === undefined)
      throw new GatewayError('tool_not_found', `Unknown tool: ${id.slice(0, 256)}`)
    return { server, pin }
  }

  /** As the store has it now: another replica may have approved something. */
  async #current(definition: ServerDefinition): Promise<PinnedServer | undefined> {
    const { pins } = this.#options
    const key = serverKey(definition)
    await pins.refresh(key)
    return pins.of(key)
  }

  async #shown(definition: ServerDefinition, tool: string, { tenantId }: Principal): Promise<JsonObject> {
    const server = await this.#current(definition)
    const pin = server && toolPins(server, tenantId).find((each) => each.tool.name === tool)
    if (server === undefined || pin === undefined) throw new GatewayError('tool_not_found')
    return this.#entry(server, pin)
  }

  #entry({ definition, policy }: PinnedServer, { tool, hash, state, isHeld, pin }: ToolPin): JsonObject {
    return {
      id: this.#idOf(definition, tool.name),
      server: definition.name,
      tenantId: definition.tenantId,
      tool: tool.name,
      state,
      isHeld,
      policy,
      hash,
      ...(pin !== undefined &&
        pin.hash !== UNKNOWN_HASH && { pinnedHash: pin.hash, pinnedAt: new Date(pin.at).toISOString() }),
      ...(pin?.by !== undefined && { approvedBy: pin.by }),
    }
  }

  #idOf(definition: ServerDefinition, tool: string): string {
    return this.#options.catalog.exposedToolName(serverKey(definition), tool)
  }
}

function isIn({ state }: ToolPin, wanted: z.output<typeof pinsQuery>['state']): boolean {
  return wanted === undefined || (wanted === 'waiting' ? state !== 'pinned' : state === wanted)
}

function waitingOf({ definition, policy }: PinnedServer, pins: readonly ToolPin[]): JsonObject[] {
  const tools = pins.filter(({ state }) => state !== 'pinned').length
  return tools === 0 ? [] : [{ server: definition.name, policy, tools, hash: waitingHash(pins) }]
}
