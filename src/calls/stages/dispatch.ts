import type { Catalog } from '../../catalog/catalog.ts'
import { contentsUnder, updateUnder } from '../../catalog/resource-alias.ts'
import { decide } from '../../domain/access-policy.ts'
import type { Clock } from '../../domain/clock.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { principalKey } from '../../domain/principal.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Connection, RequestOptions } from '../../upstream/connection/connection.ts'
import type { RunOptions } from '../../upstream/pool/admission/call-queue.ts'
import type { Pool } from '../../upstream/pool/pool.ts'
import type { Call, ResourceWatch, Route, Stage } from '../call.ts'
import { deadlineOf, extendedMs } from './deadline.ts'
import { setLogLevel } from '../client/log-level.ts'
import { paramHeaders } from '../param-headers.ts'
import { poolOfCall, routeOfCall } from '../routed.ts'
import { skillResultUnder } from '../skills.ts'
import type { TenantShares } from '../limits/tenant-shares.ts'
import { traceUpstream } from '../trace.ts'

interface DispatchOptions {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly shares: TenantShares
}

/** Last stage: sends the operation to an instance of its server and returns the server's result unchanged. */
export function dispatch(options: DispatchOptions): Stage {
  const { clock } = options
  return async (call) => {
    const { operation, client } = call
    const route = routeOfCall(call)
    const pool = poolOfCall(call)
    const deadlineAt = deadlineOf(call)
    const run = runOptions(options, { call, route, deadlineAt })
    const { watch } = operation
    if (watch !== undefined) return watchResource(options, { call, route, pool, watch, run })
    return pool.run(async (connection, instance) => {
      call.instance = instance
      await setLogLevel(connection, client, run.signal)
      const now = clock.monotonic()
      const limits = { timeoutMs: Math.max(1, deadlineAt - now), maxTotalMs: extendedMs(call, now) }
      const params = paramsFor(call, route)
      const sending = requestOptions(options, { call, route, connection, limits })
      const result = await traceUpstream(call, route, { connection, params }, (sent) =>
        connection.request(operation.method, sent, sending),
      )
      return underCallersUri(result, call, route)
    }, run)
  }
}

function runOptions(
  { shares }: DispatchOptions,
  { call, route, deadlineAt }: { call: Call; route: Route; deadlineAt: number },
): RunOptions {
  const { principal, sessionId } = call.caller
  const { stickySessions, loadBalancing } = route.server
  const share = shares.of(principal.tenantId)
  return {
    signal: call.operation.signal,
    deadlineAt,
    ...(share !== undefined && { share }),
    ...((stickySessions || loadBalancing === 'consistent_hash') && {
      stickyKey: sessionId ?? principalKey(principal),
    }),
  }
}

function requestOptions(
  { catalog }: DispatchOptions,
  given: {
    call: Call
    route: Route
    connection: Connection
    limits: Pick<RequestOptions, 'timeoutMs' | 'maxTotalMs'>
  },
): RequestOptions {
  const { call, route, connection, limits } = given
  const { client } = call
  const { signal, onProgress, method } = call.operation
  const tool = connection.era === 'modern' && method === 'tools/call' ? toolOf(catalog, route) : undefined
  const headers = tool && paramHeaders(tool, call.params['arguments'])
  return {
    signal,
    ...limits,
    ...(onProgress !== undefined && { onProgress }),
    ...(client !== undefined && { client }),
    ...(headers !== undefined && { headers }),
  }
}

function toolOf(catalog: Catalog, { server, name }: Route): JsonObject | undefined {
  return catalog.catalogOf(server)?.toolsByOwnName.get(name)?.own
}

/** Subscribes to a resource; each update is delivered only while the caller may still read the resource. */
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

/** The caller's parameters with the server's own name of the target. */
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
