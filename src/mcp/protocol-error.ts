import { ProtocolError } from '@modelcontextprotocol/server'
import { ERRORS, type GatewayError, toGatewayError } from '../domain/errors.ts'

/** The JSON-RPC error for anything thrown: an upstream's own error as it came, else the row of the error table. */
export function toProtocolError(thrown: unknown): ProtocolError {
  const error = toGatewayError(thrown)
  const { code, message, data } = jsonRpcErrorOf(error)
  return new ProtocolError(code, message, data)
}

/** Code, message and data of the JSON-RPC error for an error of ours. */
export function jsonRpcErrorOf(error: GatewayError): { code: number; message: string; data?: unknown } {
  const { upstream, ...facts } = error.facts
  if (upstream !== undefined) {
    return {
      code: upstream.code,
      message: upstream.message,
      ...(upstream.data !== undefined && { data: upstream.data }),
    }
  }
  const { rpc, retryable } = ERRORS[error.code]
  return { code: rpc, message: error.message, data: { code: error.code, retryable, ...facts } }
}
