import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  parseJSONRPCMessage,
} from '@modelcontextprotocol/server'
import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'

/** The one message that a client sent, given as parsed JSON. @throws GatewayError `invalid_request` */
export function messageIn(body: unknown): JSONRPCMessage {
  if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
  try {
    return parseJSONRPCMessage(withoutNulls(body))
  } catch {
    throw new GatewayError('invalid_request', 'This is not a JSON-RPC message')
  }
}

/** Where MCP has something optional that many clients write as `null` when they do not give it, and servers refuse. */
const OPTIONAL = ['arguments', 'cursor', '_meta'] as const

/** A message without what is `null` in place of being absent; the message itself where there is nothing of that. */
export function withoutNulls(message: unknown): unknown {
  if (!isJsonObject(message)) return message
  const { params, ...rest } = message
  if (params === null) return rest
  return isJsonObject(params) ? withParams(message, paramsWithoutNulls(params)) : message
}

/** The same of parameters. */
export function paramsWithoutNulls(params: JsonObject): JsonObject {
  if (!OPTIONAL.some((name) => params[name] === null)) return params
  const absent = new Set<string>(OPTIONAL.filter((name) => params[name] === null))
  return Object.fromEntries(Object.entries(params).filter(([name]) => !absent.has(name)))
}

function withParams(message: JsonObject, params: JsonObject): JsonObject {
  return params === message['params'] ? message : { ...message, params }
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
