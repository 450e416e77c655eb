import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client'
import { isDeeperThan, isJsonObject, MAX_JSON_DEPTH } from '../../domain/json/json.ts'

/** Characters of the message of a server's JSON-RPC error. */
const MAX_ERROR_MESSAGE_LENGTH = 8192
/** Characters of its data as JSON. */
const MAX_ERROR_DATA_LENGTH = 65_536

const RAW = Symbol('the result as the server sent it')

/**
 * Stands in for every result on its way through the SDK, and satisfies the schema of each of them: the SDK checks
 * 2026-07-28 results against schemas that know no later content types, and drops a whole list for one bad item.
 */
const STAND_IN = {
  resultType: 'complete',
  content: [],
  tools: [],
  prompts: [],
  messages: [],
  resources: [],
  resourceTemplates: [],
  contents: [],
  completion: { values: [] },
  ttlMs: 0,
  cacheScope: 'private',
  supportedVersions: [],
  capabilities: {},
}

/** A message that answers a request. */
export type Response = Extract<JSONRPCMessage, { readonly result: unknown } | { readonly error: unknown }>

/** The message that the SDK gets in place of a response. One with both a result and an error is neither. */
export function standIn(id: RequestId, message: Response): JSONRPCMessage {
  // Some languages write what is not there as null.
  const error = 'error' in message ? (message.error ?? undefined) : undefined
  if ('result' in message || !isRpcError(error)) {
    const raw = 'result' in message && error === undefined ? message.result : undefined
    return { jsonrpc: '2.0', id, result: { ...STAND_IN, [RAW]: raw } }
  }
  // The SDK has classes of errors for some codes, which know only some of their data, or give them another code.
  return { jsonrpc: '2.0', id, error: { code: 0, message: error.message, data: { [RAW]: error } } }
}

/** The result as the server sent it, out of what the SDK made of its stand-in. */
export function rawResult(value: unknown): unknown {
  return isJsonObject(value) && RAW in value ? (value as { [RAW]: unknown })[RAW] : undefined
}

/** A JSON-RPC error, every field of it that has a meaning. */
export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** The error as the server sent it, out of the `data` of its stand-in. */
export function rawError(data: unknown): RpcError | undefined {
  const error = rawResult(data)
  if (!isRpcError(error)) return undefined
  const { code, message, data: own } = error
  return { code, message, ...(own !== undefined && { data: own }) }
}

/** Whether a value is a JSON-RPC error object, with a numeric code and a message (JSON-RPC 2.0 §5.1). */
export function isRpcError(value: unknown): value is RpcError {
  return isJsonObject(value) && typeof value['code'] === 'number' && typeof value['message'] === 'string'
}

/**
 * What callers get of a server's JSON-RPC error: a client shows it to a model, and the record of a failed call must not
 * cost more than that of a result. Data that is too large, or that cannot be written as JSON again, is left out.
 */
export function boundedError({ code, message, data }: RpcError): RpcError {
  const isFit =
    data !== undefined &&
    !isDeeperThan(data, MAX_JSON_DEPTH) &&
    JSON.stringify(data).length <= MAX_ERROR_DATA_LENGTH
  return {
    code,
    message: message.length <= MAX_ERROR_MESSAGE_LENGTH ? message : `${wellFormed(message)}…`,
    ...(isFit && { data }),
  }
}

function wellFormed(text: string): string {
  return text.slice(0, MAX_ERROR_MESSAGE_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')
}

/** The JSON-RPC error that a body of a refused HTTP request holds, and the id that it names. */
export function rpcErrorIn(body: unknown): { readonly error: RpcError; readonly id: unknown } | undefined {
  if (typeof body !== 'string') return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isJsonObject(parsed) || parsed['jsonrpc'] !== '2.0' || !isRpcError(parsed['error'])) return undefined
  const { code, message, data } = parsed['error']
  return { error: { code, message, ...(data !== undefined && { data }) }, id: parsed['id'] }
}

/** The same message, or messages, without what some languages write as null where there is nothing. */
export function withoutNulls(body: unknown): unknown {
  for (const message of Array.isArray(body) ? body : [body]) {
    if (!isJsonObject(message) || !('result' in message) || !('error' in message)) continue
    if (message['error'] === null) delete message['error']
    else if (message['result'] === null) delete message['result']
  }
  return body
}
