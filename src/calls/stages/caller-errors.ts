import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import type { Operation } from '../call.ts'
import type { Stage } from '../stage.ts'

/** JSON-RPC errors of a server that say what the caller did wrong. */
const CALLER_ERRORS: ReadonlyMap<number, ErrorCode> = new Map([
  [-32602, 'invalid_arguments'],
  [-32021, 'client_capability_required'],
])
const RESOURCE_NOT_FOUND = -32002

/**
 * Stage: maps a server's error about the caller's input to the caller's error code, so that answer, record and metrics
 * agree on whose fault it was. The server's own error stays in the facts, and is passed on unchanged over MCP.
 */
export const callerErrors: Stage = async (call, next) => {
  try {
    return await next(call)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    const { upstream } = error.facts
    const code =
      error.code === 'upstream_error' && upstream ? codeOf(upstream.code, call.operation) : undefined
    throw code === undefined
      ? error
      : new GatewayError(code, upstream?.message, { cause: error, facts: error.facts })
  }
}

/** For a tool the code for unknown resources has no meaning; servers use it when they are not initialized. */
function codeOf(code: number, { kind }: Operation): ErrorCode | undefined {
  if (code === RESOURCE_NOT_FOUND) return kind === 'resource' ? 'resource_not_found' : undefined
  return CALLER_ERRORS.get(code)
}
