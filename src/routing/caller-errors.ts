import type { ErrorCode } from '../domain/error-table.ts'
import { GatewayError, toGatewayError } from '../domain/errors.ts'
import type { Stage } from './call.ts'

/** JSON-RPC errors of a server that say what the caller did wrong. */
const CALLER_ERRORS: ReadonlyMap<number, ErrorCode> = new Map([
  [-32602, 'invalid_arguments'],
  [-32002, 'resource_not_found'],
  [-32021, 'client_capability_required'],
])

/**
 * Stage: gives a server's error about the caller's input the caller's code, so that answer, record and numbers agree
 * on whose fault it was. The server's own error stays in the facts, and goes out as it is over MCP.
 */
export const callerErrors: Stage = (_call, next) =>
  next().catch((thrown: unknown) => {
    const error = toGatewayError(thrown)
    const { upstream } = error.facts
    const code = error.code === 'upstream_error' && upstream ? CALLER_ERRORS.get(upstream.code) : undefined
    throw code === undefined
      ? error
      : new GatewayError(code, upstream?.message, { cause: error, facts: error.facts })
  })
