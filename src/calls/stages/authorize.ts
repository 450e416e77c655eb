import type { Catalog } from '../../catalog/catalog.ts'
import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Operation, Stage } from '../call.ts'
import { isInteractiveFor } from '../client/interactive.ts'
import { clientOf, routeOf } from '../router.ts'

const RETRY_AFTER_MS = 1000

const NOT_FOUND = {
  tool: 'tool_not_found',
  prompt: 'prompt_not_found',
  resource: 'resource_not_found',
  server: 'server_not_found',
} as const

/**
 * Stage: finds the route and asks for the decision. What is denied and what does not exist give the same answer;
 * only the record tells them apart.
 */
export function authorize(catalog: Catalog): Stage {
  return async (call, next) => {
    const routing = routeOf(call.caller, call.operation, catalog)
    if (!routing.found) {
      const { pending } = routing
      if (pending === undefined) throw notFound(call.operation)
      call.decision = pending.decision
      catalog.want(call.caller.principal.tenantId, pending.name)
      throw new GatewayError('upstream_unavailable', `Server ${pending.name} has not answered yet`, {
        facts: { server: pending.name, mayHaveExecuted: false, retryAfterMs: RETRY_AFTER_MS },
      })
    }
    call.decision = routing.decision
    call.route = routing.route
    if (routing.decision.effect === 'deny') throw notFound(call.operation)
    if (routing.needsClient && !isInteractiveFor(routing.route.server, clientOf(call.caller, call.operation)))
      throw new GatewayError('client_capability_required', undefined, {
        facts: { server: routing.route.server.name, mayHaveExecuted: false },
      })
    call.operation.check?.()
    return next()
  }
}

function notFound({ kind, name, task }: Operation): GatewayError {
  if (task !== undefined) return new GatewayError('task_not_found')
  const code: ErrorCode = NOT_FOUND[kind]
  return new GatewayError(code, `Unknown ${kind}: ${name.slice(0, 256)}`)
}
