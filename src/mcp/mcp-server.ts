import { type JSONRPCRequest, Server, type ServerContext } from '@modelcontextprotocol/server'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Caller } from '../routing/call.ts'
import type { Calls } from '../routing/calls.ts'
import type { Era } from '../upstream/connection/connection.ts'
import { listResult } from './list-results.ts'
import { aimOf, splitProgressToken } from './operation.ts'
import { ProgressRelay } from './progress-relay.ts'
import { toProtocolError } from './protocol-error.ts'

/** Every method that the gateway carries beside those the SDK answers itself (initialize, ping, discover). */
export const CARRIED_METHODS: ReadonlySet<string> = new Set([
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
])

export interface McpServerOptions {
  readonly info: { readonly name: string; readonly version: string }
  readonly catalog: Catalog
  readonly calls: Calls
}

/**
 * An MCP server for one legacy session or one modern request: the SDK speaks the protocol, everything else goes
 * to the caller's view or through the call pipeline. Requests and results pass as they are, unknown fields too.
 * @param callerOf who sends a request of this conversation
 */
export function createMcpServer(
  options: McpServerOptions,
  conversation: {
    scope: string | undefined
    era: Era
    callerOf: (context: ServerContext) => Caller
    instructions: string | undefined
  },
): Server {
  const server = new Server(options.info, {
    capabilities: {
      tools: { listChanged: true },
      resources: { listChanged: true },
      prompts: { listChanged: true },
      completions: {},
    },
    ...(conversation.instructions !== undefined && { instructions: conversation.instructions }),
  })
  server.fallbackRequestHandler = async (request, context) => {
    try {
      return await answer(options, conversation, request, context)
    } catch (error) {
      throw toProtocolError(error)
    }
  }
  return server
}

async function answer(
  { catalog, calls }: McpServerOptions,
  {
    scope,
    era,
    callerOf,
  }: { scope: string | undefined; era: Era; callerOf: (context: ServerContext) => Caller },
  request: JSONRPCRequest,
  context: ServerContext,
): Promise<JsonObject> {
  const { params, progressToken } = splitProgressToken(request.params ?? {})
  const caller = callerOf(context)
  const cursor = params['cursor']
  const list = listResult(
    request.method,
    catalog.viewOf(caller.principal, scope),
    typeof cursor === 'string' ? cursor : undefined,
  )
  if (list !== undefined) return list
  const aim = aimOf(request.method, params)
  if (aim === undefined)
    throw new GatewayError('method_not_found', `Unknown method: ${request.method.slice(0, 128)}`)
  const progress = progressToken === undefined ? undefined : new ProgressRelay(context, progressToken)
  const result = await calls.run(caller, {
    ...aim,
    scope,
    method: request.method,
    params,
    signal: context.mcpReq.signal,
    ...(progress !== undefined && { onProgress: (step) => progress.send(step) }),
  })
  await progress?.settled()
  return request.method === 'resources/read' ? forEra(result, era) : result
}

/** Freshness is of the modern era only, and what an upstream lets anyone cache still went through access rules. */
function forEra(result: JsonObject, era: Era): JsonObject {
  const { ttlMs, cacheScope: _upstreamScope, ...rest } = result
  if (era === 'legacy') return rest
  return { ...rest, ...(ttlMs !== undefined && { ttlMs }), cacheScope: 'private' }
}
