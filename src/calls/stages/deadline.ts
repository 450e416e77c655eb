import { overridesOf } from '../../domain/documents/tool-rules.ts'
import type { Call, Stage } from '../call.ts'

/** Stage: sets how long the call may take: the tool's limit, else the server's, else the gateway's. */
export function deadline(options: { callTimeoutMs: number }): Stage {
  return (call, next) => {
    call.timeoutMs = limitOf(call, 'timeoutMs') ?? options.callTimeoutMs
    return next()
  }
}

/** How long a call may take whose server reports progress, from now on; undefined where progress changes nothing. */
export function extendedMs(call: Call, now: number): number | undefined {
  const maxTotalMs = limitOf(call, 'maxTotalMs')
  return maxTotalMs === undefined ? undefined : Math.max(1, call.startedAt + maxTotalMs + call.askedMs - now)
}

/** When the call has to be over, on the monotonic clock. Moves as the client is asked something. */
export function deadlineOf({ startedAt, timeoutMs, askedMs }: Call): number {
  return startedAt + timeoutMs + askedMs
}

function limitOf({ route, operation }: Call, limit: 'timeoutMs' | 'maxTotalMs'): number | undefined {
  if (route === undefined) return undefined
  if (operation.kind !== 'tool' || route.server.tools === undefined) return route.server[limit]
  const own = overridesOf(route.server, route.name).findLast((override) => override[limit] !== undefined)
  return own?.[limit] ?? route.server[limit]
}
