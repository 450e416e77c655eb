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
import { type Method, METHODS, type MethodTable } from '../calls/methods.ts'
import { targetOf } from '../calls/target-names.ts'
import type { TaskHandles, TaskTarget } from '../calls/tasks/task-handles.ts'
import type { Declared } from '../calls/tasks/task-support.ts'
import { measureRequest } from '../calls/trace.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { Era } from '../upstream/connection/connection.ts'
import { type Abilities, abilitiesOf, isAvailable } from './abilities.ts'
import { modernClient } from './relay/caller-client.ts'
import { collected } from './methods/collected-lists.ts'
import { forEra } from './era.ts'
import { LegacySession, type SessionChange } from './session/legacy-session.ts'
import { isList, listResult } from './methods/list-results.ts'
import { checkHasTasks } from './methods/task-capability.ts'
import { ProgressRelay } from './relay/progress-relay.ts'
import { toProtocolError } from './protocol-error.ts'
import type { RequestIds } from './request-ids.ts'
import { splitProgressToken, traceFieldsIn } from './message.ts'

/** Span name of a request whose method is unknown. */
const UNKNOWN_METHOD = '_other'

/**
 * Methods that 2026-07-28 has in an extension. The SDK treats them as methods of 2025-11-25 unless it is told
 * otherwise.
 */
const REUSED_METHODS: readonly Method[] = [METHODS.tasksGet, METHODS.tasksCancel]
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}

/** What the MCP server of every conversation needs. */
export interface McpServerOptions {
  readonly info: { readonly name: string; readonly version: string }
  readonly catalog: Catalog
  readonly calls: Calls
  readonly methods: MethodTable
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
  /** Of a session that has one before its first request. */
  readonly sessionId?: string
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
  /** The state of a legacy conversation between its requests, if it exists already. */
  readonly session?: LegacySession
  /** Gets the state of a legacy conversation between its requests. */
  readonly onSession?: (session: LegacySession) => void
  /** Called when the client has changed that state. */
  readonly onSessionChange?: (change: SessionChange) => void
}

/**
 * An MCP server for one legacy session or one modern request: the SDK implements the protocol, and everything else goes
 * to the caller's view or through the call chain. Requests and results pass unchanged, including unknown fields.
 */
export function createMcpServer(options: McpServerOptions, conversation: Conversation): Server {
  const { instructions } = conversation.view
  const server = new Server(options.info, instructions === undefined ? {} : { instructions })
  return carry(server, options, conversation)
}

/** Connects a server of the SDK to a conversation: it gets every request for which the SDK has no handler. */
export function carry(server: Server, options: McpServerOptions, conversation: Conversation): Server {
  const abilities = abilitiesOf(conversation.view, conversation.era, options.declared)
  server.registerCapabilities(abilities.capabilities)
  // The SDK's own handler would not pass the level on.
  server.removeRequestHandler(METHODS.setLevel.name)
  const callerOf =
    conversation.era === 'legacy'
      ? legacyCallers(server, options, conversation)
      : (context: ServerContext) => ({ ...conversation.callerOf(context), client: modernClient(context) })
  const respond = async (request: JSONRPCRequest, context: ServerContext): Promise<JsonObject> => {
    conversation.ids?.hold(request.id)
    try {
      return await measureRequest(
        {
          method: options.methods.has(request.method) ? request.method : UNKNOWN_METHOD,
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
  if (conversation.era === 'modern') serveReused(server, abilities, respond)
  return server
}

function serveReused(
  server: Server,
  abilities: Abilities,
  respond: (request: JSONRPCRequest, context: ServerContext) => Promise<JsonObject>,
): void {
  for (const { name } of REUSED_METHODS.filter((each) => isAvailable(each, 'modern', abilities))) {
    server.setRequestHandler(name, { params: ANYTHING }, (params, context) =>
      respond(
        { jsonrpc: '2.0', id: context.mcpReq.id, method: name, params: isJsonObject(params) ? params : {} },
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
  conversation: Conversation,
): (context: ServerContext) => WithSession {
  const { scope, callerOf, isReachable, onSession, onSessionChange } = conversation
  const session =
    conversation.session ??
    new LegacySession({
      server,
      calls,
      scope,
      ...(isReachable && { isReachable }),
      ...(onSessionChange && { onChange: onSessionChange }),
    })
  onSession?.(session)
  let { sessionId } = conversation
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
  const method = options.methods.get(request.method)
  if (method === undefined) throw unknownMethod(request.method)
  const { params, progressToken } = splitProgressToken(request.params ?? {})
  if (method.answeredBy === 'session') {
    if (session === undefined) throw unknownMethod(request.method)
    return session.answer({ method, params, caller, context })
  }
  const { scope, era } = conversation
  const { principal } = caller
  const view = options.catalog.viewOf(principal, scope, { isInteractive: isInteractive(caller.client) })
  if (isList(method)) return listResult(method, view, { principal, scope, era, cursor: params['cursor'] })
  const client = session?.client.during(context) ?? caller.client
  const { collects } = method
  if (collects !== undefined && (scope === undefined || collects.isAlways)) {
    const { signal } = context.mcpReq
    const result = await collected(options, { method, params, caller, client, view, signal })
    return forEra(era, method, result, undefined)
  }
  return run(options, conversation, context, { caller, client, view, method, params, progressToken })
}

function unknownMethod(name: string): GatewayError {
  return new GatewayError('method_not_found', `Unknown method: ${name.slice(0, 128)}`)
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
    readonly method: Method
    readonly params: JsonObject
    readonly progressToken: string | number | undefined
  },
): Promise<JsonObject> {
  const { caller, client, view, method, params, progressToken } = request
  const taskOf = (handle: string): TaskTarget | undefined => taskHandles.open(handle, caller.principal)
  const toolName = ({ server, tool }: TaskTarget): string =>
    scope === undefined ? catalog.exposedToolName(server, tool) : catalog.toolName(server, tool)
  const target = targetOf(method, params, { scope, taskOf, toolName })
  if (target === undefined) throw unknownMethod(method.name)
  if (client !== undefined) checkHasTasks(target, client)
  const progress = progressToken === undefined ? undefined : new ProgressRelay(context, progressToken)
  const result = await calls.run(caller, {
    ...target,
    scope,
    method,
    params: withInputs(params, context),
    signal: context.mcpReq.signal,
    ...(client !== undefined && { client }),
    ...(progress !== undefined && { onProgress: (step) => progress.send(step) }),
  })
  await progress?.settled()
  return forEra(era, method, result, view.toolsByName.get(target.name)?.listed)
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
