import { overridesOf } from '../../domain/documents/tool-rules.ts'
import type { Call, Stage } from '../call.ts'

/** Stage: sets the timeout of the call: the tool's, else the server's, else the gateway's. */
export function deadline(options: { callTimeoutMs: number }): Stage {
  return (call, next) => {
    call.timeoutMs = limitOf(call, 'timeoutMs') ?? options.callTimeoutMs
    return next()
  }
}

/** Milliseconds that a call has left if its server reports progress; undefined if progress does not extend it. */
export function extendedMs(call: Call, now: number): number | undefined {
  const maxTotalMs = limitOf(call, 'maxTotalMs')
  return maxTotalMs === undefined ? undefined : Math.max(1, call.startedAt + maxTotalMs + call.askedMs - now)
}

/**
 * When the call must end, in monotonic milliseconds. It moves by the time that the client takes to answer questions.
 */
export function deadlineOf({ startedAt, timeoutMs, askedMs }: Call): number {
  return startedAt + timeoutMs + askedMs
}

function limitOf({ route, operation }: Call, limit: 'timeoutMs' | 'maxTotalMs'): number | undefined {
  if (route === undefined) return undefined
  if (operation.kind !== 'tool' || route.server.tools === undefined) return route.server[limit]
  const own = overridesOf(route.server, route.name).findLast((override) => override[limit] !== undefined)
  return own?.[limit] ?? route.server[limit]
}
