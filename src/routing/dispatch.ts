import type { Catalog } from '../catalog/catalog.ts'
import { contentsUnder, updateUnder } from '../catalog/resource-alias.ts'
import { decide } from '../domain/access-policy.ts'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { ALL_TENANTS, principalKey } from '../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../domain/server-definition.ts'
import type { Connection, RequestOptions } from '../upstream/connection/connection.ts'
import type { Pool, RunOptions } from '../upstream/pool.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { Call, Caller, CallerClient, ResourceWatch, Route, Stage } from './call.ts'
import { grantedClient } from './granted-client.ts'
import { setLogLevel } from './log-level.ts'
import { paramHeaders } from './param-headers.ts'
import { skillResultUnder } from './skills.ts'
import { TaskIds, type Tasks } from './task-ids.ts'
import { hasTasks } from './task-support.ts'
import { traceUpstream } from './trace.ts'

interface DispatchOptions {
  readonly upstreams: Upstreams
  readonly catalog: Catalog
  readonly clock: Clock
  readonly tasks: Tasks
}

/** Last stage: sends the operation to an instance of its server and gives back the server's result as it is. */
export function dispatch(options: DispatchOptions): Stage {
  const { clock } = options
  return async (call) => {
    const { route, operation } = call
    if (route === undefined) throw new GatewayError('internal', undefined, { cause: new Error('no route') })
    const deadlineAt = call.startedAt + call.timeoutMs + call.askedMs
    const run: RunOptions = { signal: operation.signal, deadlineAt }
    const client = operation.client && clientFor(options, { call, route, client: operation.client })
    const pool = await poolOf(options, { call, route, client, run })
    const { watch } = operation
    if (watch !== undefined) return watchResource(options, { call, route, pool, watch, run })
    return pool.run(async (connection, instance) => {
      call.instance = instance
      await setLogLevel(connection, client, run.signal)
      const remainingMs = Math.max(1, deadlineAt - clock.monotonic())
      const params = paramsFor(call, route)
      const sending = requestOptions(options, { call, route, connection, client, timeoutMs: remainingMs })
      const result = await traceUpstream(call, route, { connection, params }, (sent) =>
        connection.request(operation.method, sent, sending),
      )
      return underCallersUri(result, call, route)
    }, run)
  }
}

interface Sending {
  readonly call: Call
  readonly route: Route
  readonly client: CallerClient | undefined
}

/** The client as the server reaches it: cut to what it may see of it, and under the client's own names for tasks. */
function clientFor(
  { upstreams, tasks }: DispatchOptions,
  { call, route: { server }, client }: { call: Call; route: Route; client: CallerClient },
): CallerClient {
  const granted = grantedClient(client, server, upstreams)
  const key = serverKey(server)
  if (!hasTasks(upstreams, key, 'legacy')) return granted
  return new TaskIds({ tasks, server: key, principal: call.caller.principal }).client(granted)
}

/**
 * A legacy server learns once, when it is connected, what its client can do, and whatever it then says or asks has
 * no addressee but the connection: a client that can be asked gets a connection of its own.
 */
async function poolOf(
  options: DispatchOptions,
  { call, route, client, run }: Sending & { run: RunOptions },
): Promise<Pool> {
  const { upstreams } = options
  const { server } = route
  const { sessionId, client: whole } = call.caller
  const isolated = isolationKey(server, call.caller)
  if (client?.era !== 'legacy' || sessionId === undefined || whole === undefined)
    return upstreams.poolFor(server, isolated)
  const own = (): Pool =>
    upstreams.poolFor(server, sessionKey(sessionId), clientFor(options, { call, route, client: whole }))
  if (server.sharing === 'session') return own()
  const shared = upstreams.poolFor(server, isolated)
  if (!needsOwnConnection(client)) return shared
  const key = serverKey(server)
  if (upstreams.eraOf(key) === undefined) await shared.run(() => Promise.resolve(), run)
  return upstreams.eraOf(key) === 'legacy' ? own() : shared
}

function needsOwnConnection({ capabilities, logLevel }: CallerClient): boolean {
  return logLevel !== undefined || Object.keys(capabilities).length > 0
}

function requestOptions(
  { catalog }: DispatchOptions,
  { call, route, client, connection, timeoutMs }: Sending & { connection: Connection; timeoutMs: number },
): RequestOptions {
  const { signal, onProgress, method } = call.operation
  const tool = connection.era === 'modern' && method === 'tools/call' ? toolOf(catalog, route) : undefined
  const headers = tool && paramHeaders(tool, call.params['arguments'])
  return {
    signal,
    timeoutMs,
    ...(onProgress !== undefined && { onProgress }),
    ...(client !== undefined && { client }),
    ...(headers !== undefined && { headers }),
  }
}

function toolOf(catalog: Catalog, { server, name }: Route): JsonObject | undefined {
  return catalog.catalogOf(server)?.tools.plain.byName.get(name)?.listed
}

/** Subscribes; each notice is delivered only while the caller may still read the resource. */
async function watchResource(
  { catalog }: DispatchOptions,
  given: { call: Call; route: Route; pool: Pool; watch: ResourceWatch; run: RunOptions },
): Promise<JsonObject> {
  const { call, route, pool, watch, run } = given
  const { principal } = call.caller
  const target = { server: serverKey(route.server), kind: 'resource', name: route.name } as const
  const release = await pool.watchResource(
    route.name,
    (params) => {
      if (decide(principal, 'subscribe', target, catalog.snapshot).effect === 'allow')
        watch.onUpdated(updateUnder(params, route.name, call.operation.name))
    },
    run,
  )
  watch.onWatching(release)
  return {}
}

/** The caller's parameters under the server's own name of the target. */
function paramsFor({ operation, params }: Call, { name }: Route): JsonObject {
  switch (operation.method) {
    case 'tools/call':
    case 'prompts/get':
      return { ...params, name }
    case 'resources/read':
    case 'resources/directory/read':
    case 'skills/get':
      return { ...params, uri: name }
    case 'completion/complete':
      return { ...params, ref: refFor(params['ref'], name) }
    default:
      return params
  }
}

function underCallersUri(
  result: JsonObject,
  { operation: { method, name } }: Call,
  route: Route,
): JsonObject {
  switch (method) {
    case 'resources/read':
      return contentsUnder(result, route.name, name)
    case 'resources/directory/read':
    case 'skills/get':
      return skillResultUnder(result, route.name, name)
    default:
      return result
  }
}

function refFor(ref: unknown, name: string): unknown {
  if (!isJsonObject(ref)) return ref
  return 'uri' in ref && !('name' in ref) ? { ...ref, uri: name } : { ...ref, name }
}

/** The connections of one session's own. */
export function sessionKey(sessionId: string): string {
  return `session:${sessionId}`
}

/** Callers with different keys never share an upstream connection. The empty key is the server's first pool. */
function isolationKey(server: ServerDefinition, caller: Caller): string {
  switch (server.sharing) {
    case 'global':
      return ''
    case 'tenant':
      return server.tenantId === ALL_TENANTS ? `tenant:${caller.principal.tenantId}` : ''
    case 'session':
      return sessionKey(caller.sessionId ?? principalKey(caller.principal))
  }
}
