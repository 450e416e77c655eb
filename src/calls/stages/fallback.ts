import type { Catalog } from '../../catalog/catalog.ts'
import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { type GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { Call, Route } from '../call.ts'
import { type Answer, rerouted, type RoutedCall, type StageFor } from '../stage.ts'
import { isInteractiveFor } from '../client/interactive.ts'
import type { Limits } from '../limits/limits.ts'
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
  'upstream_refused',
  'circuit_open',
])

/**
 * Stage: when a server is unavailable and the call has certainly not run, sends the call to the tool of the same name
 * at the server's `fallback`, if the caller may use that one. A call that continues something at the first server (a
 * task, answers to questions) is never sent elsewhere, and the fallback's own `fallback` is not used.
 */
export function fallback(options: FallbackOptions): StageFor {
  return ({ server, method }) => {
    if (server.fallback === undefined || method.runsTool !== true) return undefined
    return async (call, next): Promise<Answer> => {
      try {
        return await next(call)
      } catch (thrown) {
        const error = toGatewayError(thrown)
        const other = isFresh(call) ? alternativeTo(options, call, error) : undefined
        if (other === undefined) throw error
        options.metrics.fallback(server.name)
        return next(rerouted(call, other.route, other.decision))
      }
    }
  }
}

type Found = Extract<Routing, { found: true }>

/** Whether a call continues neither a task nor a question, which exist only at the first server. */
function isFresh({ params }: RoutedCall): boolean {
  return (
    !namesTask(params) && !('task' in params) && !('requestState' in params) && !('inputResponses' in params)
  )
}

function alternativeTo(
  { catalog, limits }: FallbackOptions,
  call: RoutedCall,
  { code, facts }: GatewayError,
): Found | undefined {
  if (!OUT_OF_REACH.has(code) || facts.mayHaveExecuted !== false) return undefined
  const other = otherRoute(catalog, call, call.route)
  return other === undefined || limits.refusalOf(call, other.route) !== undefined ? undefined : other
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
