import type { Catalog } from '../../catalog/catalog.ts'
import type { Decision } from '../../domain/access-policy.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Caller, Operation, Route } from '../call.ts'
import { hasParamHeaders } from '../param-headers.ts'
import type { Plans } from '../plan.ts'
import { routeOf } from '../router.ts'
import type { Plan } from '../stage.ts'

/** Tools that are remembered of one caller; more than an agent has in view. */
const MAX_TOOLS = 1000

/** A tool that a caller may call, with nothing set for it but what every call passes. */
export interface PlainTarget {
  readonly route: Route
  readonly decision: Decision
  readonly plan: Plan
}

interface Remembered {
  readonly version: number
  readonly tools: Map<string, PlainTarget | undefined>
}

/**
 * What the tool calls of each caller resolve to, decided once for each version of the catalog: a decision depends on
 * nothing but the principal, the target and the snapshot.
 */
export class PlainTargets {
  readonly #catalog: Catalog
  readonly #plans: Pick<Plans, 'of'>
  /** A principal lives as long as its token is remembered as verified. */
  readonly #remembered = new WeakMap<Principal, Remembered>()

  constructor(options: { catalog: Catalog; plans: Pick<Plans, 'of'> }) {
    this.#catalog = options.catalog
    this.#plans = options.plans
  }

  /** The target of a tool call; undefined if the general stages have to find out, or to refuse it. */
  of(caller: Caller, operation: Operation): PlainTarget | undefined {
    if (operation.method.runsTool !== true || operation.task !== undefined) return undefined
    const { tools } = this.#of(caller.principal)
    const key = operation.scope === undefined ? operation.name : `${operation.scope}\n${operation.name}`
    const known = tools.get(key)
    if (known !== undefined || tools.has(key)) return known
    if (tools.size >= MAX_TOOLS) tools.clear()
    const target = this.#resolved(caller, operation)
    tools.set(key, target)
    return target
  }

  #of(principal: Principal): Remembered {
    const { version } = this.#catalog
    let remembered = this.#remembered.get(principal)
    if (remembered?.version !== version) {
      remembered = { version, tools: new Map() }
      this.#remembered.set(principal, remembered)
    }
    return remembered
  }

  #resolved(caller: Caller, operation: Operation): PlainTarget | undefined {
    const routing = routeOf(caller, operation, this.#catalog)
    if (!routing.found || routing.needsClient || routing.decision.effect === 'deny') return undefined
    const { route, decision } = routing
    const plan = this.#plans.of(route, operation.method)
    const { tool } = plan.target
    if (!plan.isPlain || route.server.sharing === 'session') return undefined
    if (plan.target.policy.maxTotalMs !== undefined) return undefined
    if (tool === undefined || hasParamHeaders(tool.own) || mustBeTask(tool.own['execution'])) return undefined
    return { route, decision, plan }
  }
}

function mustBeTask(execution: unknown): boolean {
  return isJsonObject(execution) && execution['taskSupport'] === 'required'
}
