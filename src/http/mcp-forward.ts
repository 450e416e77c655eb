import { type Request, type Response, Router } from 'express'
import { methodNotAllowed } from '../rest/method-not-allowed.ts'
import { callerOf } from '../rest/run.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { forEra } from '../mcp/era.ts'
import { listResult } from '../mcp/methods/list-results.ts'
import { paramsWithoutNulls } from '../mcp/message.ts'
import { aimOf, splitProgressToken } from '../mcp/methods/operation.ts'
import type { Calls } from '../calls/calls.ts'
import { traceRequest } from '../calls/trace.ts'
import { senderOf } from './mcp-routes.ts'

interface ForwardOptions {
  readonly catalog: Catalog
  readonly calls: Calls
}

const ERA = 'legacy'

/**
 * `POST /mcp/{server}/{method}`, for example `/mcp/files/tools/call`: one request of MCP to one server, under the
 * server's own names, without a session. The body is the parameters, or a whole JSON-RPC request; the answer is a
 * JSON-RPC response. Who may do what is decided as everywhere; the server cannot ask such a client anything.
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
  const method = Array.isArray(segments) ? segments.join('/') : String(segments)
  const { id, params } = splitBody(request.body, method)
  const caller = callerOf(response)
  const { principal } = caller
  const view = catalog.viewOf(principal, scope)
  const answer = (result: JsonObject): void => void response.json({ jsonrpc: '2.0', id, result })
  if (method === 'ping') return answer({})
  const list = listResult(method, view, { principal, scope, era: ERA, cursor: params['cursor'] })
  if (list !== undefined) return answer(list)
  const aim = aimOf(method, params, { scope, taskOf: () => undefined, toolName: ({ tool }) => tool })
  if (aim === undefined) throw new GatewayError('method_not_found', `Unknown method: ${method.slice(0, 128)}`)
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const result = await traceRequest({ method, over: 'rest' }, () =>
    calls.run(caller, { ...aim, scope, method, params, signal: abort.signal }),
  )
  answer(forEra(ERA, method, result, view.toolsByName.get(aim.name)?.listed))
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
