import {
  type JSONRPCResponse,
  ProtocolErrorCode,
  SdkError,
  SdkErrorCode,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/client'
import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import { isRpcError } from '../../messages/raw-results.ts'
import { boundedOpening, TOO_LARGE } from './opening-bounds.ts'

/** Marks an error with which the gateway replaces an invalid answer to `initialize`. */
const UNFIT = 'tool-gateway/unfit-opening'
const INVALID_REQUEST = -32_600
const MAX_PROBLEMS = 3
/** The message of the SDK if it does not support the revision that a server chose. */
export const VERSION_REFUSED = "Server's protocol version is not supported"

/** The message about a server that chose an unsupported revision. */
export const UNKNOWN_VERSION = `initialize: protocolVersion: expected one of ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}`

const METHODS = ['initialize', 'server/discover'] as const

/** A request whose answer says what a server is. */
export type OpeningMethod = (typeof METHODS)[number]

/** Whether a request opens a connection. */
export function isOpeningMethod(method: string): method is OpeningMethod {
  return METHODS.some((other) => other === method)
}

/**
 * An answer that opens a connection, cut to what the SDK may keep. One to `initialize` that is neither a result nor an error, for
 * which the SDK would keep waiting, and one that is too large are replaced by an error that states what was expected.
 */
export function openingAnswer(answer: JSONRPCResponse, method: OpeningMethod): JSONRPCResponse {
  const { id, result, error }: { id?: JSONRPCResponse['id']; result?: unknown; error?: unknown } = answer
  // Some languages write absent members as null.
  const defect = method === 'initialize' ? defectOf(result, error ?? undefined) : undefined
  if (defect !== undefined) return unfit(id, defect)
  if (!('result' in answer) || !isJsonObject(answer.result)) return answer
  const bounded = boundedOpening(withoutNullMeta(answer.result))
  if (bounded !== undefined) return { jsonrpc: '2.0', id: answer.id, result: bounded }
  return method === 'initialize' ? unfit(id, TOO_LARGE) : unfitDiscovery(answer.id)
}

function unfit(id: JSONRPCResponse['id'], defect: string): JSONRPCResponse {
  const message = `initialize: ${defect}`
  return { jsonrpc: '2.0', id, error: { code: INVALID_REQUEST, message, data: { [UNFIT]: true } } }
}

/** Of the errors of the era probe, this is the only one that the SDK passes on. */
function unfitDiscovery(id: JSONRPCResponse['id']): JSONRPCResponse {
  const data = { supported: [UNFIT] }
  const message = `server/discover: ${TOO_LARGE}`
  return { jsonrpc: '2.0', id, error: { code: ProtocolErrorCode.UnsupportedProtocolVersion, message, data } }
}

/** Whether the data of an error mark a replaced answer of `openingAnswer`. */
export function isUnfitOpening(data: unknown): boolean {
  if (!isJsonObject(data)) return false
  const { [UNFIT]: isMarked, supported } = data
  return isMarked === true || (Array.isArray(supported) && supported[0] === UNFIT)
}

/** Whether a server answered `initialize` invalidly, so that another attempt would fail too. */
export function isInvalidOpening(error: unknown): boolean {
  if (error instanceof SdkError) return error.code === SdkErrorCode.InvalidResult
  if (!(error instanceof Error)) return false
  return error.message.startsWith(VERSION_REFUSED) || ('data' in error && isUnfitOpening(error.data))
}

/** The places and expectations from the SDK's message about an invalid result, which does not repeat the values. */
export function invalidResult(message: string): string {
  const method = /^Invalid result for ([\w/]{1,40})/.exec(message)?.[1] ?? 'its answer'
  const problems = issuesIn(message).slice(0, MAX_PROBLEMS)
  return problems.length === 0 ? `${method}: the answer is not valid` : `${method}: ${problems.join('; ')}`
}

function defectOf(result: unknown, error: unknown): string | undefined {
  if (error !== undefined && result !== undefined) return 'expected a result or an error, and got both'
  if (error !== undefined && !isRpcError(error)) return 'error: expected an object with code and message'
  if (error !== undefined) return undefined
  if (!isJsonObject(result)) return 'result: expected an object'
  return isJsonObject(result['_meta'] ?? {}) ? undefined : '_meta: expected an object'
}

function withoutNullMeta(result: JsonObject): JsonObject {
  const { _meta: meta, ...rest } = result
  return meta === null ? rest : result
}

function issuesIn(message: string): string[] {
  try {
    const issues: unknown = JSON.parse(message.slice(message.indexOf('[')))
    return Array.isArray(issues) ? issues.filter(isJsonObject).map(problemIn) : []
  } catch {
    return []
  }
}

function problemIn({ path, expected }: Record<string, unknown>): string {
  const place = Array.isArray(path) ? path.map(String).join('.') : ''
  return `${place}: ${typeof expected === 'string' ? `expected ${expected}` : 'the value is not valid'}`
}
