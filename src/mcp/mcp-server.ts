import {
  type JSONRPCRequest,
  Server,
  type ServerContext,
  type StandardSchemaV1,
} from '@modelcontextprotocol/server'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { View } from '../catalog/view.ts'
import type { Caller, CallerClient } from '../calls/call.ts'
import type { Calls } from '../calls/calls.ts'
import { isInteractive } from '../calls/client/interactive.ts'
import type { TaskHandles, TaskTarget } from '../calls/tasks/task-handles.ts'
import type { Declared } from '../calls/tasks/task-support.ts'
import { measureRequest } from '../calls/trace.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { Era } from '../upstream/connection/connection.ts'
import { abilitiesOf, ALL_METHODS } from './abilities.ts'
import { modernClient } from './relay/caller-client.ts'
import { collected, isCollected } from './methods/collected-lists.ts'
import { forEra } from './era.ts'
import { LegacySession } from './session/legacy-session.ts'
import { listResult } from './methods/list-results.ts'
import { aimOf, checkHasTasks, splitProgressToken } from './methods/operation.ts'
import { ProgressRelay } from './relay/progress-relay.ts'
import { toProtocolError } from './protocol-error.ts'
import type { RequestIds } from './request-ids.ts'
import { traceFieldsIn } from './trace-context.ts'

/** Span name of a request whose method is unknown. */
const UNKNOWN_METHOD = '_other'

/**
 * Methods that 2026-07-28 has in an extension. The SDK treats them as methods of 2025-11-25 unless it is told
 * otherwise.
 */
const REUSED_METHODS = ['tasks/get', 'tasks/cancel']
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}

/** What the MCP server of every conversation needs. */
export interface McpServerOptions {
  readonly info: { readonly name: string; readonly version: string }
  readonly catalog: Catalog
  readonly calls: Calls
  /** What servers declared when they were last connected. */
  readonly declared: Declared
  readonly taskHandles: TaskHandles
  readonly metrics: Pick<Metrics, 'serverOperation'>
  readonly clock: Clock
  /** Forwards a notification of a session's client to the connections that belong to the session. */
  readonly tellServers: (sessionId: string, method: string, params: JsonObject | undefined) => void
}

/** What one MCP server is made for: a legacy session, or one modern request. */
export interface Conversation {
  readonly scope: string | undefined
  readonly era: Era
  /** Returns the sender of a request in this conversation. */
  readonly callerOf: (context: ServerContext) => Caller
  /** The caller's view when the conversation begins. */
  readonly view: View
  /** The request ids of a legacy session. A modern conversation has only one request. */
  readonly ids?: RequestIds
  /** Ends the stream of a request that was cancelled and gets no answer. */
  readonly endStream?: (id: JSONRPCRequest['id']) => void
  /** Whether the client can get messages that belong to no request; always by default. */
  readonly isReachable?: () => boolean
}

/**
 * An MCP server for one legacy session or one modern request: the SDK implements the protocol, and everything else goes
 * to the caller's view or through the call pipeline. Requests and results pass unchanged, including unknown fields.
 */
export function createMcpServer(options: McpServerOptions, conversation: Conversation): Server {
  const { instructions } = conversation.view
  const server = new Server(options.info, instructions === undefined ? {} : { instructions })
  return carry(server, options, conversation)
}

/** Connects a server of the SDK to a conversation: it gets every request for which the SDK has no handler. */
export function carry(server: Server, options: McpServerOptions, conversation: Conversation): Server {
  const { capabilities, methods } = abilitiesOf(conversation.view, conversation.era, options.declared)
  server.registerCapabilities(capabilities)
  // The SDK's own handler would not pass the level on.
  server.removeRequestHandler('logging/setLevel')
  const callerOf =
    conversation.era === 'legacy'
      ? legacyCallers(server, options, conversation)
      : (context: ServerContext) => ({ ...conversation.callerOf(context), client: modernClient(context) })
  const respond = async (request: JSONRPCRequest, context: ServerContext): Promise<JsonObject> => {
    conversation.ids?.hold(request.id)
    try {
      return await measureRequest(
        {
          method: ALL_METHODS.has(request.method) ? request.method : UNKNOWN_METHOD,
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
  server.fallbackRequestHandler = respond
  if (conversation.era === 'modern') serveReused(server, methods, respond)
  return server
}

function serveReused(
  server: Server,
  methods: ReadonlySet<string>,
  respond: (request: JSONRPCRequest, context: ServerContext) => Promise<JsonObject>,
): void {
  for (const method of REUSED_METHODS.filter((each) => methods.has(each))) {
    server.setRequestHandler(method, { params: ANYTHING }, (params, context) =>
      respond(
        { jsonrpc: '2.0', id: context.mcpReq.id, method, params: isJsonObject(params) ? params : {} },
        context,
      ),
    )
  }
}

type WithSession = Caller & { readonly session?: LegacySession }

/** A legacy client is the same for all requests, so the gateway keeps one caller for it. */
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
  if (isCollected(method, scope)) {
    const { signal } = context.mcpReq
    const result = await collected(options, { method, params, caller, client, view, signal })
    return forEra(era, method, result, undefined)
  }
  return run(options, conversation, context, { caller, client, view, method, params, progressToken })
}

/** Runs a request that goes to a server. */
async function run(
  { calls, taskHandles, catalog }: McpServerOptions,
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
  const taskOf = (handle: string): TaskTarget | undefined => taskHandles.open(handle, caller.principal)
  const toolName = ({ server, tool }: TaskTarget): string =>
    scope === undefined ? catalog.exposedToolName(server, tool) : catalog.toolName(server, tool)
  const aim = aimOf(method, params, { scope, taskOf, toolName })
  if (aim === undefined) throw new GatewayError('method_not_found', `Unknown method: ${method.slice(0, 128)}`)
  if (client !== undefined) checkHasTasks(aim, client)
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

/** Restores what the SDK has removed from a modern client's answer to `input_required`. */
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
