import type { Catalog } from '../catalog/catalog.ts'
import { type ErrorCode, GatewayError } from '../domain/errors.ts'
import type { Operation, Stage } from './call.ts'
import { routeOf } from './router.ts'

const RETRY_AFTER_MS = 1000

const NOT_FOUND = {
  tool: 'tool_not_found',
  prompt: 'prompt_not_found',
  resource: 'resource_not_found',
} as const

/**
 * Stage: finds the route and asks for the decision. What is denied and what does not exist give the same answer;
 * only the record tells them apart.
 */
export function authorize(catalog: Catalog): Stage {
  return async (call, next) => {
    const routing = routeOf(call.caller, call.operation, catalog)
    if (!routing.found) {
      if (routing.pending === undefined) throw notFound(call.operation)
      catalog.want(call.caller.principal.tenantId, routing.pending)
      throw new GatewayError('upstream_unavailable', `Server ${routing.pending} has not answered yet`, {
        facts: { server: routing.pending, mayHaveExecuted: false, retryAfterMs: RETRY_AFTER_MS },
      })
    }
    call.decision = routing.decision
    call.route = routing.route
    if (routing.decision.effect === 'deny') throw notFound(call.operation)
    call.operation.check?.()
    return next()
  }
}

function notFound({ kind, name }: Operation): GatewayError {
  const code: ErrorCode = NOT_FOUND[kind]
  return new GatewayError(code, `Unknown ${kind}: ${name.slice(0, 256)}`)
}
