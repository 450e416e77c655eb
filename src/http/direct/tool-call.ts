import { traceRequest } from '../../calls/trace.ts'
import { isForModels } from '../../catalog/ui-tools.ts'
import { type GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { RawObject } from '../../domain/json/raw-object.ts'
import { logInternal } from '../../mcp/direct/plain-call.ts'
import { retryAfterOf } from '../../domain/errors/retry-after.ts'
import { problemOf } from '../../rest/problem.ts'
import { toolOperation } from '../../rest/tools.ts'
import type { DirectAnswer } from './direct-answer.ts'
import type { DirectCall, DirectCaller, DirectCallOptions } from './direct-call.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** The call of `POST /v1/tools/{toolId}`; undefined if it is not plain. */
export function toolCall(
  options: DirectCallOptions,
  {
    caller,
    body,
    toolId,
  }: { readonly caller: DirectCaller; readonly body: unknown; readonly toolId: string },
): DirectCall | undefined {
  const args = argumentsIn(body)
  // From the view, so that a tool that the caller may not use is handled like one that does not exist.
  const tool = options.catalog.viewOf(caller.principal).toolsByName.get(toolId)
  if (args === undefined || tool === undefined || !isForModels(tool.listed)) return undefined
  const operation = toolOperation(toolId, args, tool)
  return async (answer) => {
    const sender = { ...caller, transport: 'rest', requestId: answer.requestId } as const
    let json: string | undefined
    try {
      const result = await traceRequest({ method: operation.method.name, over: 'rest' }, async () => {
        const { signal } = answer
        const given = await options.calls.answer(sender, {
          ...operation,
          scope: undefined,
          signal,
          takesRaw: true,
        })
        json = given.json
        return given.raw ?? given.result
      })
      if (json !== undefined && !saysIfError(result))
        answer.endText(
          200,
          JSON_TYPE,
          json === '{}' ? '{"isError":false}' : `${json.slice(0, -1)},"isError":false}`,
        )
      else answer.end(200, JSON_TYPE, withIsError(result))
    } catch (error) {
      const challenge = options.challengeFor(error, caller.principal, `/v1/tools/${toolId}`)
      const headers = challenge === undefined ? [] : ['www-authenticate', challenge]
      endWithProblem(answer, toGatewayError(error), { pages: options.errorsAt, headers })
      logInternal(options.logger, error, answer.requestId)
    }
  }
}

function argumentsIn(body: unknown): JsonObject | undefined {
  if (!isJsonObject(body) || Object.keys(body).some((name) => name !== 'arguments')) return undefined
  const { arguments: given } = body
  return given === undefined || given === null ? {} : isJsonObject(given) ? given : undefined
}

function saysIfError(result: RawObject | JsonObject): boolean {
  return result instanceof RawObject ? result.has('isError') : 'isError' in result
}

/** REST results always have `isError`. */
function withIsError(result: RawObject | JsonObject): Buffer[] {
  if (result instanceof RawObject) return result.with({ isError: result.get('isError') === true }).chunks()
  return [Buffer.from(JSON.stringify({ ...result, isError: result['isError'] === true }))]
}

function endWithProblem(
  answer: DirectAnswer,
  error: GatewayError,
  { pages, headers }: { readonly pages: string; readonly headers: readonly string[] },
): void {
  const problem = problemOf(error, answer.requestId, pages)
  const seconds = retryAfterOf(error)
  answer.end(
    problem.status,
    'application/problem+json; charset=utf-8',
    [Buffer.from(JSON.stringify(problem))],
    seconds === undefined ? headers : [...headers, 'retry-after', String(seconds)],
  )
}
