import type { Catalog } from '../catalog/catalog.ts'
import { type ErrorCode, GatewayError } from '../domain/errors.ts'
import type { Operation, Stage } from './call.ts'
import { routeOf } from './router.ts'

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
  return (call, next) => {
    const routing = routeOf(call.caller, call.operation, catalog)
    if (!routing.found) {
      if (routing.pending === undefined) return Promise.reject(notFound(call.operation))
      return Promise.reject(
        new GatewayError('upstream_unavailable', `Server ${routing.pending} has not answered yet`, {
          facts: { server: routing.pending, mayHaveExecuted: false },
        }),
      )
    }
    call.decision = routing.decision
    call.route = routing.route
    return routing.decision.effect === 'allow' ? next() : Promise.reject(notFound(call.operation))
  }
}

function notFound({ kind, name }: Operation): GatewayError {
  const code: ErrorCode = NOT_FOUND[kind]
  return new GatewayError(code, `Unknown ${kind}: ${name.slice(0, 256)}`)
}
