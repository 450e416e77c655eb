import { overridesOf } from '../domain/access-policy.ts'
import type { Call, Stage } from './call.ts'

/** Stage: sets how long the call may take: the tool's limit, else the server's, else the gateway's. */
export function deadline(options: { callTimeoutMs: number }): Stage {
  return (call, next) => {
    call.timeoutMs = timeoutOf(call) ?? options.callTimeoutMs
    return next()
  }
}

/** When the call has to be over, on the monotonic clock. Moves as the client is asked something. */
export function deadlineOf({ startedAt, timeoutMs, askedMs }: Call): number {
  return startedAt + timeoutMs + askedMs
}

function timeoutOf({ route, operation }: Call): number | undefined {
  if (route === undefined) return undefined
  if (operation.kind !== 'tool' || route.server.tools === undefined) return route.server.timeoutMs
  const own = overridesOf(route.server, route.name).findLast(({ timeoutMs }) => timeoutMs !== undefined)
  return own?.timeoutMs ?? route.server.timeoutMs
}
