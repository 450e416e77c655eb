import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { ALL_TENANTS, principalKey } from '../domain/principal.ts'
import type { ServerDefinition } from '../domain/server-definition.ts'
import type { RequestOptions } from '../upstream/connection/connection.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { Call, Caller, Operation, Route, Stage } from './call.ts'
import { traceUpstream } from './trace.ts'

/** Last stage: sends the operation to an instance of its server and gives back the server's result as it is. */
export function dispatch(options: { upstreams: Upstreams; clock: Clock }): Stage {
  const { upstreams, clock } = options
  return (call) => {
    const { route, operation, caller } = call
    if (route === undefined) throw new GatewayError('internal', undefined, { cause: new Error('no route') })
    const deadlineAt = call.startedAt + call.timeoutMs
    const pool = upstreams.poolFor(route.server, isolationKey(route.server, caller))
    return pool.run(
      (connection, instance) => {
        call.instance = instance
        const remainingMs = Math.max(1, deadlineAt - clock.monotonic())
        const params = paramsFor(route, operation)
        return traceUpstream(call, route, { connection, params }, (sent) =>
          connection.request(operation.method, sent, requestOptions(call, remainingMs)),
        )
      },
      { signal: operation.signal, deadlineAt },
    )
  }
}

function requestOptions({ operation }: Call, timeoutMs: number): RequestOptions {
  const { signal, onProgress } = operation
  return { signal, timeoutMs, ...(onProgress !== undefined && { onProgress }) }
}

/** The caller's parameters under the server's own name of the target. */
function paramsFor(route: Route, { method, params }: Operation): JsonObject {
  if (method === 'tools/call' || method === 'prompts/get') return { ...params, name: route.name }
  if (method !== 'completion/complete') return params
  const { ref } = params
  return isJsonObject(ref) && 'name' in ref ? { ...params, ref: { ...ref, name: route.name } } : params
}

/** Callers with different keys never share an upstream connection. The empty key is the server's first pool. */
function isolationKey(server: ServerDefinition, caller: Caller): string {
  switch (server.sharing) {
    case 'global':
      return ''
    case 'tenant':
      return server.tenantId === ALL_TENANTS ? `tenant:${caller.principal.tenantId}` : ''
    case 'session':
      return `session:${caller.sessionId ?? principalKey(caller.principal)}`
  }
}
