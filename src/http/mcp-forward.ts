import { type Request, type Response, Router } from 'express'
import { methodNotAllowed } from '../rest/method-not-allowed.ts'
import { callerOf } from '../rest/run.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { forEra } from '../mcp/era.ts'
import { isList, listResult } from '../mcp/methods/list-results.ts'
import { paramsWithoutNulls, splitProgressToken } from '../mcp/message.ts'
import type { Calls } from '../calls/calls.ts'
import { type Method, methodTable } from '../calls/methods.ts'
import { targetOf } from '../calls/target-names.ts'
import { traceRequest } from '../calls/trace.ts'
import { senderOf } from './mcp-routes.ts'

interface ForwardOptions {
  readonly catalog: Catalog
  readonly calls: Calls
}

const ERA = 'legacy'
const methods = methodTable()

/**
 * `POST /mcp/{server}/{method}`, for example `/mcp/files/tools/call`: one request of MCP to one server, under the
 * server's own names, without a session. The body is the parameters, or a whole JSON-RPC request; the answer is a
 * JSON-RPC response. The access decision is the same as everywhere; the server cannot send requests to such a client.
 */
export function mcpForward(options: ForwardOptions): Router {
  const router = Router()
  router.post('/mcp/:server/*method', (request, response) => forward(options, request, response))
  router.all('/mcp/:server/*method', methodNotAllowed('POST'))
  return router
}

async function forward(
  { catalog, calls }: ForwardOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const { scope } = senderOf(request, response, catalog)
  const segments: unknown = request.params['method']
  const name = Array.isArray(segments) ? segments.join('/') : String(segments)
  const { id, params } = splitBody(request.body, name)
  const caller = callerOf(response)
  const { principal } = caller
  const view = catalog.viewOf(principal, scope)
  const answer = (result: JsonObject): void => void response.json({ jsonrpc: '2.0', id, result })
  if (name === 'ping') return answer({})
  const method = methods.get(name)
  if (isList(method))
    return answer(listResult(method, view, { principal, scope, era: ERA, cursor: params['cursor'] }))
  const context = { scope, taskOf: () => undefined, toolName: ({ tool }: { tool: string }) => tool }
  const target = isOfOneServer(method) ? targetOf(method, params, context) : undefined
  if (method === undefined || target === undefined)
    throw new GatewayError('method_not_found', `Unknown method: ${name.slice(0, 128)}`)
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const result = await traceRequest({ method: name, over: 'rest' }, () =>
    calls.run(caller, { ...target, scope, method, params, signal: abort.signal }),
  )
  answer(forEra(ERA, method, result, view.toolsByName.get(target.name)?.listed))
}

/** Whether one server answers a method of which this client has no state. */
function isOfOneServer(method: Method | undefined): method is Method {
  return method?.answeredBy === 'server' || method?.collects?.isAlways === false
}

/** @throws GatewayError `invalid_request` */
function splitBody(body: unknown, method: string): { id: unknown; params: JsonObject } {
  const given = body ?? {}
  if (!isJsonObject(given)) throw new GatewayError('invalid_request', 'The body must be a JSON object')
  if (given['jsonrpc'] === undefined)
    return { id: null, params: splitProgressToken(paramsWithoutNulls(given)).params }
  const { id = null } = given
  const params = given['params'] ?? {}
  if (given['method'] !== method || !isJsonObject(params))
    throw new GatewayError('invalid_request', '`method` must match the path, and `params` must be an object')
  return { id, params: splitProgressToken(paramsWithoutNulls(params)).params }
}
