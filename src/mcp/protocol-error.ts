import { ProtocolError } from '@modelcontextprotocol/server'
import { ERRORS } from '../domain/errors/error-table.ts'
import { type GatewayError, toGatewayError } from '../domain/errors/errors.ts'
import type { Era } from '../upstream/connection/connection.ts'

const INVALID_PARAMS = -32_602
/** Error codes that exist in one era only (MCP 2026-07-28, error codes). */
const LEGACY_RESOURCE_NOT_FOUND = -32_002
const MODERN_ONLY: ReadonlySet<number> = new Set([-32_020, -32_021, -32_022])

/** The JSON-RPC error for anything thrown: an upstream's own error unchanged, otherwise the row of the error table. */
export function toProtocolError(thrown: unknown, era: Era): ProtocolError {
  const error = toGatewayError(thrown)
  const { code, message, data } = jsonRpcErrorOf(error, era)
  return new ProtocolError(code, message, data)
}

/** Code, message and data of the JSON-RPC error for an error of the gateway. */
export function jsonRpcErrorOf(
  error: GatewayError,
  era: Era,
): { code: number; message: string; data?: unknown } {
  const { upstream, ...facts } = error.facts
  if (upstream !== undefined && !(era === 'legacy' && MODERN_ONLY.has(upstream.code))) {
    const isTranslated = era === 'modern' && upstream.code === LEGACY_RESOURCE_NOT_FOUND
    return {
      code: isTranslated ? INVALID_PARAMS : upstream.code,
      message: upstream.message,
      ...(upstream.data !== undefined && { data: upstream.data }),
    }
  }
  const { rpc, retryable } = ERRORS[error.code]
  return { code: rpc, message: error.message, data: { code: error.code, retryable, ...facts } }
}
