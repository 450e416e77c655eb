import { parseTraceFields, type TraceFields } from '../telemetry/trace-fields.ts'
import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  parseJSONRPCMessage,
} from '@modelcontextprotocol/server'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { boundedInitialize } from './initialize-params.ts'

/**
 * The single message of a request body, given as parsed JSON; an `initialize` without what a session does not store.
 * @throws GatewayError `invalid_request`
 */
export function messageIn(body: unknown): JSONRPCMessage {
  if (Array.isArray(body)) throw new GatewayError('invalid_request', 'Batches are not supported')
  checkEnvelope(body)
  try {
    return parseJSONRPCMessage(withBoundedClient(withoutNulls(body)))
  } catch {
    throw notAMessage()
  }
}

/** What a client declares in `initialize` is stored as long as its session. */
function withBoundedClient(message: unknown): unknown {
  if (!isJsonObject(message) || message['method'] !== 'initialize' || !isJsonObject(message['params']))
    return message
  return { ...message, params: boundedInitialize(message['params']) }
}

/** The error for JSON that is no message of JSON-RPC. */
export function notAMessage(): GatewayError {
  return new GatewayError('invalid_request', 'The body is not a JSON-RPC message')
}

/** The notification that cancels a request (MCP, cancellation). */
export const CANCELLED = 'notifications/cancelled'

/** The longest id of a request, in characters. */
export const MAX_ID_LENGTH = 256
const MAX_META_BYTES = 8 * 1024

/**
 * Checks the length of a message's id and `_meta`, which are stored or logged for each request.
 * @param bytes of the whole message, if known: a short message is not inspected further
 * @throws GatewayError `invalid_request`
 */
export function checkEnvelope(message: unknown, bytes = Infinity): void {
  if (!isJsonObject(message)) return
  const { id, params } = message
  if (typeof id === 'string' && id.length > MAX_ID_LENGTH)
    throw new GatewayError('invalid_request', `The id has more than ${MAX_ID_LENGTH} characters`)
  if (bytes <= MAX_META_BYTES) return
  const meta = isJsonObject(params) ? params['_meta'] : undefined
  if (isJsonObject(meta) && Buffer.byteLength(JSON.stringify(meta)) > MAX_META_BYTES)
    throw new GatewayError(
      'invalid_request',
      `The _meta of the request has more than ${MAX_META_BYTES} bytes`,
    )
}

/**
 * Optional fields of MCP that many clients send as `null` instead of leaving them out, and that servers then refuse.
 */
const OPTIONAL = ['arguments', 'cursor', '_meta'] as const

/** A message without optional fields that are `null`; the same object if there are none. */
export function withoutNulls(message: unknown): unknown {
  if (!isJsonObject(message)) return message
  const { params, ...rest } = message
  if (params === null) return rest
  return isJsonObject(params) ? withParams(message, paramsWithoutNulls(params)) : message
}

/** Parameters without optional fields that are `null`; the same object if there are none. */
export function paramsWithoutNulls(params: JsonObject): JsonObject {
  if (!OPTIONAL.some((name) => params[name] === null)) return params
  const absent = new Set<string>(OPTIONAL.filter((name) => params[name] === null))
  return Object.fromEntries(Object.entries(params).filter(([name]) => !absent.has(name)))
}

/** The parameters without the caller's progress token, which has no meaning upstream. */
export function splitProgressToken(params: JsonObject): {
  params: JsonObject
  progressToken: string | number | undefined
} {
  if (!('_meta' in params)) return { params, progressToken: undefined }
  const { _meta: meta, ...rest } = params
  if (!isJsonObject(meta)) return { params: rest, progressToken: undefined }
  const { progressToken, ...others } = meta
  const kept = withSoundTrace(others)
  return {
    params: Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest,
    progressToken:
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : undefined,
  }
}

/** Removes a trace context that is not valid (W3C Trace Context §3.2). */
function withSoundTrace(meta: JsonObject): JsonObject {
  const { traceparent, tracestate, ...others } = meta
  if (traceparent === undefined && tracestate === undefined) return meta
  return parseTraceFields({ traceparent, tracestate }) === undefined ? others : meta
}

function withParams(message: JsonObject, params: JsonObject): JsonObject {
  return params === message['params'] ? message : { ...message, params }
}

// For values that are known to be messages; the guards of the SDK validate the whole schema each time.

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

/** A message that the gateway has made, as the SDK's transports take it. */
export function asMessage(made: JsonObject): JSONRPCMessage {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by the gateway itself
  return made as JSONRPCMessage
}

/** The trace context in the `_meta` of a message (MCP 2026-07-28, `_meta`), not validated. */
export function traceFieldsIn(params: unknown): TraceFields | undefined {
  const meta = isJsonObject(params) ? params['_meta'] : undefined
  return isJsonObject(meta) ? { traceparent: meta['traceparent'], tracestate: meta['tracestate'] } : undefined
}
