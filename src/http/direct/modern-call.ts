import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, CallerClient, Operation } from '../../calls/call.ts'
import type { Answer } from '../../calls/stage.ts'
import { measureRequest } from '../../calls/trace.ts'
import { toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { RawObject } from '../../domain/json/raw-object.ts'
import {
  MODERN_REVISION,
  modernListRequest,
  type ModernRequest,
  modernRequest,
} from '../../mcp/direct/modern-request.ts'
import { logInternal } from '../../mcp/direct/plain-call.ts'
import { listResponseTo, responseTextTo, responseTo } from '../../mcp/direct/modern-response.ts'
import { forEra } from '../../mcp/era.ts'
import { jsonRpcErrorOf } from '../../mcp/protocol-error.ts'
import { traceFieldsIn } from '../../mcp/message.ts'
import { listPage } from '../../mcp/methods/list-results.ts'
import type { DirectAnswer } from './direct-answer.ts'
import type { DirectCall, DirectCaller, DirectCallOptions } from './direct-call.ts'

const JSON_TYPE = 'application/json'
const TRANSPORT = 'streamable-http'
const LOG_MESSAGE = 'notifications/message'
/** The one error of a call that the SDK answers with an HTTP status of its own (MCP 2026-07-28, error codes). */
const MISSING_CAPABILITY = -32_021

interface Given {
  readonly caller: DirectCaller
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
  readonly scope: string | undefined
}

/** The call of a request of 2026-07-28; undefined if it is not plain. */
export function modernCall(options: DirectCallOptions, given: Given): DirectCall | undefined {
  const { caller, scope } = given
  const request = modernRequest(given.body, given.headers, { methods: options.methods, scope })
  if (request === undefined) return undefined
  const { method, params, target } = request
  const sender = { ...caller, transport: TRANSPORT } as const
  const asked = { ...target, scope, method, params }
  if (!options.targets.mayCall(sender, asked)) return undefined
  return (answer) => serve(options, { sender, request, asked, answer })
}

interface Serving {
  readonly sender: Omit<Caller, 'requestId'>
  readonly request: ModernRequest
  readonly asked: Omit<Operation, 'signal'>
  readonly answer: DirectAnswer
}

async function serve(options: DirectCallOptions, { sender, request, asked, answer }: Serving): Promise<void> {
  const { calls } = options
  const { id, method, params } = request
  const client: CallerClient = { ...request.client, tell: (said, its) => tell(answer, said, its) }
  const caller: Caller = { ...sender, requestId: answer.requestId, client }
  const { signal } = answer
  const operation: Operation = { ...asked, signal, client, takesRaw: true }
  let given: Answer | undefined
  try {
    const result = await measureRequest(
      {
        method: method.name,
        over: 'mcp',
        protocolVersion: MODERN_REVISION,
        parent: traceFieldsIn(params),
      },
      options,
      () =>
        calls.answer(caller, operation).then((answered) => {
          given = answered
          return forModern(answered, method)
        }),
    )
    const text = responseTextTo(id, result, given, options.info)
    if (text === undefined) answer.end(200, JSON_TYPE, responseTo(id, result, options.info))
    else answer.endText(200, JSON_TYPE, text)
  } catch (thrown) {
    endWithError(options, answer, id, thrown)
  }
}

/** The page of a list that a request of 2026-07-28 asks for; undefined if it asks for something else. */
export function modernList(options: DirectCallOptions, given: Given): DirectCall | undefined {
  const request = modernListRequest(given.body, given.headers, options)
  if (request === undefined) return undefined
  const { catalog, lists, info } = options
  const { id, method, params } = request
  const { scope, caller } = given
  const { principal } = caller
  // A server that the caller may not know of is refused elsewhere.
  if (scope !== undefined && catalog.viewOf(principal, scope).servers.length === 0) return undefined
  const parent = traceFieldsIn(params)
  const measured = { method: method.name, over: 'mcp', protocolVersion: MODERN_REVISION, parent } as const
  return async (answer) => {
    try {
      let pieces: Buffer[] = []
      await measureRequest(measured, options, async () => {
        const of = { principal, scope, era: 'modern', cursor: params['cursor'] } as const
        const view = catalog.viewOf(principal, scope)
        const page = listPage(method, view, of)
        pieces = listResponseTo(id, page, lists.itemsOf(view, page), info)
        return {}
      })
      answer.end(200, JSON_TYPE, pieces)
    } catch (thrown) {
      endWithError(options, answer, id, thrown)
    }
  }
}

function endWithError(
  { logger }: Pick<DirectCallOptions, 'logger'>,
  answer: DirectAnswer,
  id: string | number,
  thrown: unknown,
): void {
  const error = jsonRpcErrorOf(toGatewayError(thrown), 'modern')
  const status = error.code === MISSING_CAPABILITY ? 400 : 200
  answer.end(status, JSON_TYPE, [Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, error }))])
  logInternal(logger, thrown, answer.requestId)
}

/** A raw answer differs between the eras only by what is missing; where there is freshness, the revision requires a time. */
function forModern(answer: Answer, method: ModernRequest['method']): RawObject | JsonObject {
  const { raw } = answer
  if (raw !== undefined)
    return method.runsTool === true && !raw.has('content')
      ? forEra('modern', method, raw.parse(), undefined)
      : raw
  const result = forEra('modern', method, answer.result, undefined)
  if (method.freshness === undefined) return result
  const { ttlMs } = result
  return { ...result, ttlMs: Number.isSafeInteger(ttlMs) && Number(ttlMs) >= 0 ? ttlMs : 0 }
}

/** A modern client gets log messages only if it has asked for them. */
function tell(answer: DirectAnswer, method: string, params: JsonObject | undefined): void {
  if (method === LOG_MESSAGE) return
  answer.tell({ jsonrpc: '2.0', method, ...(params !== undefined && { params }) })
}
