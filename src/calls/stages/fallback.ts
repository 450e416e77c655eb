import type { Catalog } from '../../catalog/catalog.ts'
import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { type GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { Call, Route, Stage } from '../call.ts'
import { isInteractiveFor } from '../client/interactive.ts'
import type { Limits } from './limits.ts'
import { clientOf, routeOf, type Routing } from '../router.ts'
import { namesTask } from '../tasks/task-ids.ts'

interface FallbackOptions {
  readonly catalog: Catalog
  readonly limits: Pick<Limits, 'refusalOf'>
  readonly metrics: Pick<Metrics, 'fallback'>
}

/** The server cannot be had; anything else would be no different elsewhere, or not the server's fault. */
const OUT_OF_REACH: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_unavailable',
  'upstream_busy',
  'circuit_open',
])

/**
 * Stage: where a server cannot be had, and the call has surely not run, the tool of the same name of its `fallback`
 * gets the call, if the caller may use that one. It is not asked for what a call has begun with the other server (a
 * task, the answers to questions), and its own fallback never.
 */
export function fallback(options: FallbackOptions): Stage {
  return (call, next) => {
    const { route } = call
    if (route?.server.fallback === undefined || !isFresh(call)) return next()
    return next().catch((error: unknown) => standIn(options, { call, route, next }, toGatewayError(error)))
  }
}

type Found = Extract<Routing, { found: true }>

interface Step {
  readonly call: Call
  readonly route: Route
  readonly next: () => Promise<JsonObject>
}

/** A task would belong to the one server, and so does what it asked. */
function isFresh({ operation, params }: Call): boolean {
  if (operation.method !== 'tools/call' || namesTask(params)) return false
  return !('task' in params) && !('requestState' in params) && !('inputResponses' in params)
}

function standIn(options: FallbackOptions, step: Step, error: GatewayError): Promise<JsonObject> {
  const { call, route, next } = step
  if (!OUT_OF_REACH.has(error.code) || error.facts.mayHaveExecuted !== false) throw error
  const other = otherRoute(options.catalog, call, route)
  if (other === undefined || options.limits.refusalOf(call, other.route) !== undefined) throw error
  options.metrics.fallback(route.server.name)
  call.route = other.route
  call.decision = other.decision
  call.instance = undefined
  return next()
}

/** The same tool of the other server, under the caller's own rights. */
function otherRoute(catalog: Catalog, call: Call, { server, name }: Route): Found | undefined {
  const { caller, operation } = call
  const known = catalog.toolName(serverKey(server), name)
  const routing = routeOf(caller, { ...operation, scope: server.fallback, name: known }, catalog)
  if (!routing.found || routing.decision.effect === 'deny') return undefined
  const { server: other } = routing.route
  if (serverKey(other) === serverKey(server)) return undefined
  if (routing.needsClient && !isInteractiveFor(other, clientOf(caller, operation))) return undefined
  return routing
}
