import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  parseJSONRPCMessage,
} from '@modelcontextprotocol/server'
import { GatewayError } from '../domain/errors.ts'

/** The one message that a client sent, given as parsed JSON. @throws GatewayError `invalid_request` */
export function messageIn(body: unknown): JSONRPCMessage {
  if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
  try {
    return parseJSONRPCMessage(body)
  } catch {
    throw new GatewayError('invalid_request', 'This is not a JSON-RPC message')
  }
}

// Of what is known to be a message; the SDK's own guards run a whole schema each time.

export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message
}

export function isNotification(message: JSONRPCMessage): message is JSONRPCNotification {
  return 'method' in message && !('id' in message)
}

/** Whether a message is the result or error of a request. */
export function isAnswer(message: JSONRPCMessage): message is JSONRPCResponse {
  return !('method' in message)
}
