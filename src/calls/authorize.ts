import type { Catalog } from '../catalog/catalog.ts'
import { type Decision, decide, scopesToStepUp } from '../domain/access-policy.ts'
import type { ErrorCode } from '../domain/errors/error-table.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { nearNames } from '../domain/text/near-names.ts'
import type { Call, Caller, Operation, Route } from './call.ts'
import type { RoutedCall } from './stage.ts'
import { isInteractiveFor } from './client/interactive.ts'
import type { Plans } from './plan.ts'
import { clientOf, routeOf, type Routing, targetOf } from './router.ts'

const RETRY_AFTER_MS = 1000

const NOT_FOUND = {
  tool: 'tool_not_found',
  prompt: 'prompt_not_found',
  resource: 'resource_not_found',
  server: 'server_not_found',
} as const

interface AuthorizeOptions {
  readonly catalog: Catalog
  readonly plans: Pick<Plans, 'of'>
  /** The timeout of calls for which neither tool nor server sets one. */
  readonly callTimeoutMs: number
}

/** Finds the server of a call and asks for the decision. @throws GatewayError if the caller may not make the call */
export type Authorize = (call: Call) => RoutedCall

/**
 * Makes the function that routes and authorizes calls. What is denied and what does not exist give the same answer;
 * only the record tells them apart.
 */
export function authorize({ catalog, plans, callTimeoutMs }: AuthorizeOptions): Authorize {
  return (call) => {
    const { caller, operation, info } = call
    const routing = routeOf(caller, operation, catalog)
    if (!routing.found) throw notFoundOrPending(routing, call, catalog)
    const { route, decision } = routing
    info.decision = decision
    info.route = route
    if (decision.effect === 'deny')
      throw (
        held(decision, operation.name, route.server.name) ??
        insufficientScope(caller, operation, { route, catalog }) ??
        notFound(caller, operation, catalog)
      )
    if (routing.needsClient && !isInteractiveFor(route.server, clientOf(caller, operation)))
      throw new GatewayError('client_capability_required', undefined, {
        facts: { server: route.server.name, mayHaveExecuted: false },
      })
    operation.check?.()
    const plan = plans.of(route, operation.method)
    const timeoutMs = plan.target.policy.timeoutMs ?? callTimeoutMs
    return { ...call, route, plan, params: operation.params, timeoutMs, askedMs: 0 }
  }
}

function notFoundOrPending(
  { pending }: Extract<Routing, { found: false }>,
  { caller, operation, info }: Call,
  catalog: Catalog,
): GatewayError {
  if (pending === undefined) return notFound(caller, operation, catalog)
  info.decision = pending.decision
  catalog.want(caller.principal.tenantId, pending.name)
  return new GatewayError('upstream_unavailable', `Server ${pending.name} has not answered yet`, {
    facts: { server: pending.name, mayHaveExecuted: false, retryAfterMs: RETRY_AFTER_MS },
  })
}

/** The refusal of an operation for which the token lacks nothing but scopes; undefined for all others. */
export function refusalForScope(
  caller: Caller,
  operation: Operation,
  catalog: Catalog,
): GatewayError | undefined {
  const routing = routeOf(caller, operation, catalog)
  return routing.found ? insufficientScope(caller, operation, { route: routing.route, catalog }) : undefined
}

/** Only a caller that the rules allow in every other respect learns that the target exists. */
function insufficientScope(
  { principal }: Caller,
  operation: Operation,
  { route, catalog }: { route: Route; catalog: Catalog },
): GatewayError | undefined {
  const target = targetOf(route, operation)
  const scopes = scopesToStepUp(principal, operation.action, target, catalog.snapshot)
  if (scopes === undefined) return undefined
  const name = operation.name.slice(0, 256)
  return new GatewayError(
    'insufficient_scope',
    `The ${operation.kind} ${name} requires a token with the scope ${scopes.join(' ')}`,
    { facts: { scopes, mayHaveExecuted: false } },
  )
}

/** The refusal of a tool that is held back from a caller who could use it otherwise; undefined for all others. */
export function refusalOfHeld(
  principal: Caller['principal'],
  name: string,
  catalog: Catalog,
): GatewayError | undefined {
  const item = catalog.find('tool', principal.tenantId, undefined, name)
  if (item === undefined) return undefined
  const target = { server: item.server, kind: 'tool', name: item.name } as const
  return held(decide(principal, 'list', target, catalog.snapshot), name, item.serverName)
}

/** Only a caller that may use the tool otherwise learns that it is held back. */
function held({ ruleId }: Decision, name: string, server: string): GatewayError | undefined {
  if (ruleId !== 'tool-held') return undefined
  return new GatewayError(
    'tool_held',
    `The definition of the tool ${name.slice(0, 256)} is new or has changed; it can be used once it is approved`,
    { facts: { server, mayHaveExecuted: false } },
  )
}

/** Suggestions come from the caller's own view, so that they are the same for what is denied and what does not exist. */
function notFound(
  { principal }: Caller,
  { kind, name, task, scope }: Operation,
  catalog: Catalog,
): GatewayError {
  if (task !== undefined) return new GatewayError('task_not_found')
  const code: ErrorCode = NOT_FOUND[kind]
  const unknown = `Unknown ${kind}: ${name.slice(0, 256)}`
  if (kind === 'server') return new GatewayError(code, unknown)
  const { tools, prompts, resources } = catalog.viewOf(principal, scope)
  const items = { tool: tools, prompt: prompts, resource: resources }[kind]
  const suggestions = nearNames(
    name,
    items.map(({ shownAs }) => shownAs),
  ).filter((near) => withoutDigits(near) !== withoutDigits(name))
  if (suggestions.length === 0) return new GatewayError(code, unknown)
  return new GatewayError(code, `${unknown}. Did you mean ${suggestions.join(' or ')}?`, {
    facts: { suggestions },
  })
}

/** Names that differ only in digits name different things (`db1_query`, `db2_query`): a suggestion would lead to the wrong one. */
function withoutDigits(name: string): string {
  return name.replaceAll(/\d/g, '')
}
