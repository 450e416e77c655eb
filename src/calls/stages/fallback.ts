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

/**
 * Errors that mean the server is unavailable; any other would also occur at the fallback, or is not the server's fault.
 */
const OUT_OF_REACH: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_unavailable',
  'upstream_busy',
  'circuit_open',
])

/**
 * Stage: when a server is unavailable and the call has certainly not run, sends the call to the tool of the same name
 * at the server's `fallback`, if the caller may use that one. A call that continues something at the first server (a
 * task, answers to questions) is never sent elsewhere, and the fallback's own `fallback` is not used.
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

/** A call that continues neither a task nor a question, which exist only at the first server. */
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

/** The route to the same tool of the other server, under the caller's own rights. */
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
