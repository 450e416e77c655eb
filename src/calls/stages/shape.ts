import type { ToolShape } from '../../catalog/shaping/tool-shape.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { Answer, RoutedCall, StageFor } from '../stage.ts'
import { measure } from '../result-size.ts'

/**
 * Stage: sends the arguments that the operator configured for the tool, under the server's own names, and refuses a
 * result that is larger than the operator allows.
 */
export const shape: StageFor = ({ method, tool }) => {
  const given = tool?.shape
  if (given === undefined) return undefined
  return async (call, next) =>
    checkedSize(await next(method.runsTool === true ? withOwnArguments(call, given) : call), given)
}

/** @throws GatewayError `invalid_arguments` */
function withOwnArguments(call: RoutedCall, tool: ToolShape): RoutedCall {
  const { params, route } = call
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
  if (own.size === 0 && params['arguments'] === undefined) return call
  return { ...call, params: { ...params, arguments: Object.fromEntries(own) } }
}

/** @throws GatewayError `response_too_large` */
function checkedSize(answer: Answer, { maxResultBytes }: ToolShape): Answer {
  if (maxResultBytes === undefined || measure(answer) <= maxResultBytes) return answer
  const message = `The result is larger than ${maxResultBytes} bytes, the limit of this tool`
  throw new GatewayError('response_too_large', message, {
    facts: { server: answer.route.server.name, mayHaveExecuted: true },
  })
}
