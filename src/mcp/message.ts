import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  parseJSONRPCMessage,
} from '@modelcontextprotocol/server'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** The one message that a client sent, given as parsed JSON. @throws GatewayError `invalid_request` */
export function messageIn(body: unknown): JSONRPCMessage {
  if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
  checkEnvelope(body)
  try {
    return parseJSONRPCMessage(withoutNulls(body))
  } catch {
    throw new GatewayError('invalid_request', 'This is not a JSON-RPC message')
  }
}

const MAX_ID_LENGTH = 256
const MAX_META_BYTES = 8 * 1024

/**
 * Checks the length of what every request carries beside what it is about, and what is kept or written for each.
 * @throws GatewayError `invalid_request`
 */
export function checkEnvelope(message: unknown): void {
  if (!isJsonObject(message)) return
  const { id, params } = message
  if (typeof id === 'string' && id.length > MAX_ID_LENGTH)
    throw new GatewayError('invalid_request', `The id has more than ${MAX_ID_LENGTH} characters`)
  const meta = isJsonObject(params) ? params['_meta'] : undefined
  if (isJsonObject(meta) && Buffer.byteLength(JSON.stringify(meta)) > MAX_META_BYTES)
    throw new GatewayError(
      'invalid_request',
      `The _meta of the request has more than ${MAX_META_BYTES} bytes`,
    )
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

/** Whether a message is a request (JSON-RPC 2.0 §4). */
export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message
}

/** Whether a message is a notification (JSON-RPC 2.0 §4.1). */
export function isNotification(message: JSONRPCMessage): message is JSONRPCNotification {
  return 'method' in message && !('id' in message)
}

/** Whether a message is the result or error of a request. */
export function isAnswer(message: JSONRPCMessage): message is JSONRPCResponse {
  return !('method' in message)
}
