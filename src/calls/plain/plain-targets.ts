import type { Catalog } from '../../catalog/catalog.ts'
import type { Decision } from '../../domain/access-policy.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Caller, Operation, Route } from '../call.ts'
import { grantedCapabilities } from '../client/granted-client.ts'
import { hasParamHeaders } from '../param-headers.ts'
import type { Plans } from '../plan.ts'
import { routeOf } from '../router.ts'
import type { Plan } from '../stage.ts'
import { type Account, accountOf, isSticky } from '../limits/run-options.ts'
import type { Limits } from '../limits/limits.ts'
import type { TenantShares } from '../limits/tenant-shares.ts'
import type { Pool } from '../../upstream/pool/pool.ts'

/** Cached tools of one caller; more than an agent uses. */
const MAX_TOOLS = 1000
const NONE: JsonObject = {}
const NEVER = new AbortController().signal

/** A tool that a caller may call without any stage of its own, and what is the same for each call. */
export interface PlainTarget {
  readonly route: Route
  readonly decision: Decision
  readonly plan: Plan
  /** Whether a rate limit or a quota counts the calls. */
  readonly isCounted: boolean
  /** Undefined where calls of one session prefer the same instance. */
  readonly account: Account | undefined
  /** The pool of the last call, used for the next one until it has stopped. */
  pool: Pool | undefined
}

/** The sender and the operation of a call, without what belongs to one request. */
type Sender = Omit<Caller, 'requestId'>
type Asked = Omit<Operation, 'signal'>

type Tools = Map<string, PlainTarget | undefined>

interface PlainTargetsOptions {
  readonly catalog: Catalog
  readonly plans: Pick<Plans, 'of'>
  readonly limits: Limits
  readonly shares: TenantShares
}

/**
 * Caches the target and the decision of each caller's tool calls until the catalog or the quotas change: a decision depends
 * only on the principal, the target and the snapshot.
 */
export class PlainTargets {
  readonly #options: PlainTargetsOptions
  /** A principal lives as long as its verified token is cached. */
  #remembered = new WeakMap<Principal, Tools>()

  constructor(options: PlainTargetsOptions) {
    this.#options = options
    options.catalog.onChange(() => this.forget())
  }

  /** Clears the cache, because something that a target depends on has changed. */
  forget(): void {
    this.#remembered = new WeakMap()
  }

  /** The target of a tool call; undefined if the general stages have to resolve or refuse it. */
  of(caller: Sender, operation: Asked): PlainTarget | undefined {
    if (operation.method.runsTool !== true || operation.task !== undefined) return undefined
    const tools = this.#of(caller.principal)
    const key = operation.scope === undefined ? operation.name : `${operation.scope}\n${operation.name}`
    const known = tools.get(key)
    if (known !== undefined || tools.has(key)) return known
    if (tools.size >= MAX_TOOLS) tools.clear()
    const target = this.#resolved(caller, operation)
    tools.set(key, target)
    return target
  }

  /**
   * Whether the caller may make a call over MCP without the SDK, which compares headers with the arguments of some tools,
   * and brings the questions of servers to the client of a session.
   * @param capabilities of the client of a session
   */
  mayCall(caller: Sender, operation: Asked, capabilities: JsonObject = NONE): boolean {
    const target = this.of(caller, operation)
    if (target !== undefined) return !mayAsk(target.route, capabilities)
    if (operation.method.runsTool === true && !this.#isListed(caller, operation)) return false
    const { catalog } = this.#options
    const routing = routingOf(caller, operation, catalog)
    if (!routing.found || routing.decision.effect === 'deny' || routing.needsClient) return false
    if (mayAsk(routing.route, capabilities)) return false
    const { server, name } = routing.route
    const tool =
      operation.method.runsTool === true ? catalog.catalogOf(server)?.toolsByOwnName.get(name) : undefined
    return tool === undefined || !hasParamHeaders(tool.listed)
  }

  /**
   * Whether a tool is in the view of the caller. Unlike a decision, this takes the same time for a denied tool as for one that
   * does not exist.
   */
  #isListed({ principal }: Sender, { name, scope }: Asked): boolean {
    return this.#options.catalog.viewOf(principal, scope).toolsByName.has(name)
  }

  #of(principal: Principal): Tools {
    let tools = this.#remembered.get(principal)
    if (tools === undefined) {
      tools = new Map()
      this.#remembered.set(principal, tools)
    }
    return tools
  }

  #resolved(caller: Sender, operation: Asked): PlainTarget | undefined {
    if (!this.#isListed(caller, operation)) return undefined
    const { catalog, plans, limits, shares } = this.#options
    const routing = routingOf(caller, operation, catalog)
    if (!routing.found || routing.needsClient || routing.decision.effect === 'deny') return undefined
    const { route, decision } = routing
    const plan = plans.of(route, operation.method)
    const { tool } = plan.target
    if (!plan.allowsPlainCalls || route.server.sharing === 'session') return undefined
    if (plan.target.policy.maxTotalMs !== undefined) return undefined
    if (tool === undefined || hasParamHeaders(tool.own) || mustBeTask(tool.own['execution'])) return undefined
    const { principal } = caller
    const { server } = route
    return {
      route,
      decision,
      plan,
      isCounted: limits.counts(principal, server),
      account: isSticky(server) ? undefined : accountOf(shares, principal),
      pool: undefined,
    }
  }
}

function routingOf(caller: Sender, operation: Asked, catalog: Catalog): ReturnType<typeof routeOf> {
  return routeOf({ ...caller, requestId: '' }, { ...operation, signal: NEVER }, catalog)
}

/** Whether the document of a server grants it anything of what a legacy client declares. */
function mayAsk({ server }: Route, capabilities: JsonObject): boolean {
  if (Object.keys(capabilities).length === 0) return false
  return Object.keys(grantedCapabilities(capabilities, server)).length > 0
}

function mustBeTask(execution: unknown): boolean {
  return isJsonObject(execution) && execution['taskSupport'] === 'required'
}
