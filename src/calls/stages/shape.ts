import type { Catalog } from '../../catalog/catalog.ts'
import type { ToolShape } from '../../catalog/shaping/tool-shape.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Call, Route, Stage } from '../call.ts'
import { measure } from '../result-size.ts'

/**
 * Stage: sends the arguments that the operator configured for the tool, under the server's own names, and refuses a
 * result that is larger than the operator allows.
 */
export function shape(catalog: Pick<Catalog, 'catalogOf'>): Stage {
  return (call, next) => {
    const { route, operation } = call
    if (operation.kind !== 'tool' || route?.server.tools === undefined) return next()
    const tool = catalog.catalogOf(route.server)?.toolsByOwnName.get(route.name)
    return tool?.shape === undefined ? next() : shaped({ call, route, tool: tool.shape }, next)
  }
}

interface Step {
  readonly call: Call
  readonly route: Route
  readonly tool: ToolShape
}

async function shaped(step: Step, next: () => Promise<JsonObject>): Promise<JsonObject> {
  const { call } = step
  const given = call.params
  if (call.operation.method === 'tools/call') call.params = withOwnArguments(given, step)
  try {
    return checkedSize(await next(), step)
  } finally {
    // Stages before this one may send the caller's parameters again.
    call.params = given
  }
}

/** @throws GatewayError `invalid_arguments` */
function withOwnArguments(params: JsonObject, { route, tool }: Step): JsonObject {
  const given = isJsonObject(params['arguments']) ? Object.entries(params['arguments']) : []
  const problems = given
    .filter(([name]) => tool.closed.has(name))
    .map(([name]) => `arguments.${name} cannot be set by callers`)
  if (problems.length > 0) {
    const facts = { server: route.server.name, mayHaveExecuted: false, problems }
    throw new GatewayError('invalid_arguments', problems.join('; '), { facts })
  }
  const own = new Map([
    ...tool.defaults,
    ...given.map(([name, value]) => [tool.ownNames.get(name) ?? name, value] as const),
    ...tool.fixed,
  ])
  if (own.size === 0 && params['arguments'] === undefined) return params
  return { ...params, arguments: Object.fromEntries(own) }
}

/** @throws GatewayError `response_too_large` */
function checkedSize(result: JsonObject, { route, tool }: Step): JsonObject {
  const { maxResultBytes } = tool
  if (maxResultBytes === undefined || measure(result, route) <= maxResultBytes) return result
  const message = `The result is larger than ${maxResultBytes} bytes, the limit of this tool`
  throw new GatewayError('response_too_large', message, {
    facts: { server: route.server.name, mayHaveExecuted: true },
  })
}
