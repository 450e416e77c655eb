import {
  type JSONRPCRequest,
  Server,
  type ServerCapabilities,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { View } from '../catalog/view.ts'
import type { Caller, CallerClient } from '../routing/call.ts'
import type { Calls } from '../routing/calls.ts'
import { isInteractive } from '../routing/interactive.ts'
import { measureRequest } from '../routing/trace.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Era } from '../upstream/connection/connection.ts'
import { modernClient } from './caller-client.ts'
import { forEra } from './era.ts'
import { LegacySession } from './legacy-session.ts'
import { listResult } from './list-results.ts'
import { aimOf, splitProgressToken } from './operation.ts'
import { ProgressRelay } from './progress-relay.ts'
import { toProtocolError } from './protocol-error.ts'
import type { RequestIds } from './request-ids.ts'
import { traceFieldsIn } from './trace-context.ts'

/** Every method of both eras that the gateway carries beside those the SDK answers itself (ping, discover). */
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
const SESSION_METHODS: ReadonlySet<string> = new Set([
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
])

/** What the span of a request is named whose method the client made up. */
const UNKNOWN_METHOD = '_other'

/** What the gateway can carry, whichever servers there are at the moment: they come and go. */
const CAPABILITIES: ServerCapabilities = {
  tools: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
}

export interface McpServerOptions {
  readonly info: { readonly name: string; readonly version: string }
  readonly catalog: Catalog
  readonly calls: Calls
  readonly metrics: Pick<Metrics, 'serverOperation'>
  readonly clock: Clock
  /** Passes a notification of a session's client on to the connections that are the session's own. */
  readonly tellServers: (sessionId: string, method: string, params: JsonObject | undefined) => void
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
  /** Whether the client gets what belongs to no request of its own; as long as it lives, by default. */
  readonly isReachable?: () => boolean
}

/**
 * An MCP server for one legacy session or one modern request: the SDK speaks the protocol, everything else goes
 * to the caller's view or through the call pipeline. Requests and results pass as they are, unknown fields too.
 */
export function createMcpServer(options: McpServerOptions, conversation: Conversation): Server {
  const { instructions } = conversation
  const server = new Server(options.info, {
    capabilities: CAPABILITIES,
    ...(instructions !== undefined && { instructions }),
  })
  return carry(server, options, conversation)
}

/** Makes a server of the SDK carry a conversation: what it has no handler for comes here. */
export function carry(server: Server, options: McpServerOptions, conversation: Conversation): Server {
  server.registerCapabilities(CAPABILITIES)
  // The SDK's own would keep the level to itself.
  server.removeRequestHandler('logging/setLevel')
  const callerOf =
    conversation.era === 'legacy'
      ? legacyCallers(server, options, conversation)
      : (context: ServerContext) => ({ ...conversation.callerOf(context), client: modernClient(context) })
  server.fallbackRequestHandler = async (request, context) => {
    conversation.ids?.hold(request.id)
    try {
      return await measureRequest(
        {
          method: isCarried(request.method) ? request.method : UNKNOWN_METHOD,
          over: 'mcp',
          protocolVersion: server.getNegotiatedProtocolVersion(),
          parent: traceFieldsIn(request.params),
        },
        options,
        () => answer(options, conversation, request, context, callerOf(context)),
      )
    } catch (error) {
      throw toProtocolError(error, conversation.era)
    } finally {
      conversation.ids?.release(request.id)
      if (context.mcpReq.signal.aborted) conversation.endStream?.(request.id)
    }
  }
  return server
}

function isCarried(method: string): boolean {
  return CARRIED_METHODS.has(method) || SESSION_METHODS.has(method)
}

type WithSession = Caller & { readonly session?: LegacySession }

/** A legacy client is the same with every request, and so is what the gateway keeps for it. */
function legacyCallers(
  server: Server,
  { calls, tellServers }: McpServerOptions,
  { scope, callerOf, isReachable = () => true }: Conversation,
): (context: ServerContext) => WithSession {
  const session = new LegacySession({ server, calls, scope, isReachable })
  let sessionId: string | undefined
  server.onclose = () => session.end()
  server.fallbackNotificationHandler = ({ method, params }) => {
    if (method === 'notifications/roots/list_changed' && sessionId !== undefined)
      tellServers(sessionId, method, params)
    return Promise.resolve()
  }
  return (context) => {
    const caller = callerOf(context)
    sessionId = caller.sessionId
    return { ...caller, client: session.client, session }
  }
}

async function answer(
  options: McpServerOptions,
  conversation: Conversation,
  request: JSONRPCRequest,
  context: ServerContext,
  { session, ...caller }: WithSession,
): Promise<JsonObject> {
  const { method } = request
  const { params, progressToken } = splitProgressToken(request.params ?? {})
  const own = await session?.answer({ method, params, caller, context })
  if (own !== undefined) return own
  const { scope, era } = conversation
  const { principal } = caller
  const view = options.catalog.viewOf(principal, scope, { isInteractive: isInteractive(caller.client) })
  const list = listResult(method, view, { principal, scope, era, cursor: params['cursor'] })
  if (list !== undefined) return list
  const client = session?.client.during(context) ?? caller.client
  return run(options, conversation, context, { caller, client, view, method, params, progressToken })
}

/** What goes to a server. */
async function run(
  { calls }: McpServerOptions,
  { scope, era }: Conversation,
  context: ServerContext,
  request: {
    readonly caller: Caller
    readonly client: CallerClient | undefined
    readonly view: View
    readonly method: string
    readonly params: JsonObject
    readonly progressToken: string | number | undefined
  },
): Promise<JsonObject> {
  const { caller, client, view, method, params, progressToken } = request
  const aim = aimOf(method, params)
  if (aim === undefined) throw new GatewayError('method_not_found', `Unknown method: ${method.slice(0, 128)}`)
  const progress = progressToken === undefined ? undefined : new ProgressRelay(context, progressToken)
  const result = await calls.run(caller, {
    ...aim,
    scope,
    method,
    params: withInputs(params, context),
    signal: context.mcpReq.signal,
    ...(client !== undefined && { client }),
    ...(progress !== undefined && { onProgress: (step) => progress.send(step) }),
  })
  await progress?.settled()
  return forEra(era, method, result, view.toolsByName.get(aim.name)?.listed)
}

/** With what the SDK has taken out of a modern client's answer to `input_required`. */
function withInputs(params: JsonObject, { mcpReq }: ServerContext): JsonObject {
  const { inputResponses } = mcpReq
  const requestState: unknown = mcpReq.requestState()
  if (inputResponses === undefined && requestState === undefined) return params
  return {
    ...params,
    ...(inputResponses !== undefined && { inputResponses }),
    ...(requestState !== undefined && { requestState }),
  }
}
