import { type JSONRPCRequest, Server, type ServerContext } from '@modelcontextprotocol/server'
import type { Catalog } from '../catalog/catalog.ts'
import { GatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Caller } from '../routing/call.ts'
import type { Calls } from '../routing/calls.ts'
import { traceRequest } from '../routing/trace.ts'
import type { Era } from '../upstream/connection/connection.ts'
import { forEra } from './era.ts'
import { listResult } from './list-results.ts'
import { aimOf, splitProgressToken } from './operation.ts'
import { ProgressRelay } from './progress-relay.ts'
import { toProtocolError } from './protocol-error.ts'
import type { RequestIds } from './request-ids.ts'
import { traceFieldsIn } from './trace-context.ts'

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

/** What the span of a request is named whose method the client made up. */
const UNKNOWN_METHOD = '_other'

export interface McpServerOptions {
  readonly info: { readonly name: string; readonly version: string }
  readonly catalog: Catalog
  readonly calls: Calls
}

export interface Conversation {
  readonly scope: string | undefined
  readonly era: Era
  /** Who sends a request of this conversation. */
  readonly callerOf: (context: ServerContext) => Caller
  readonly instructions: string | undefined
  /** Of a legacy session. A modern request is alone in its conversation. */
  readonly ids?: RequestIds
  /** Ends the stream of a request that was cancelled, for which no answer will come. */
  readonly endStream?: (id: JSONRPCRequest['id']) => void
}

/**
 * An MCP server for one legacy session or one modern request: the SDK speaks the protocol, everything else goes
 * to the caller's view or through the call pipeline. Requests and results pass as they are, unknown fields too.
 */
export function createMcpServer(options: McpServerOptions, conversation: Conversation): Server {
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
    conversation.ids?.hold(request.id)
    try {
      return await traceRequest(
        {
          method: CARRIED_METHODS.has(request.method) ? request.method : UNKNOWN_METHOD,
          over: 'mcp',
          parent: traceFieldsIn(request.params),
        },
        () => answer(options, conversation, request, context),
      )
    } catch (error) {
      throw toProtocolError(error)
    } finally {
      conversation.ids?.release(request.id)
      if (context.mcpReq.signal.aborted) conversation.endStream?.(request.id)
    }
  }
  return server
}

async function answer(
  { catalog, calls }: McpServerOptions,
  { scope, era, callerOf }: Conversation,
  request: JSONRPCRequest,
  context: ServerContext,
): Promise<JsonObject> {
  const { params, progressToken } = splitProgressToken(request.params ?? {})
  const caller = callerOf(context)
  const view = catalog.viewOf(caller.principal, scope)
  const list = listResult(request.method, view, params['cursor'])
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
  return forEra(era, request.method, result, view.toolsByName.get(aim.name)?.listed)
}
