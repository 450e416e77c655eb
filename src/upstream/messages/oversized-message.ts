import type { JSONRPCErrorResponse, RequestId } from '@modelcontextprotocol/client'
import { ERRORS } from '../../domain/errors/error-table.ts'
import { isJsonObject } from '../../domain/json/json.ts'

const ID = String.raw`"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")`
const VERSION = String.raw`"jsonrpc"\s*:\s*"2\.0"`
const OUTCOME = String.raw`"(?:result|error)"\s*:`
/** Only a response, and only an id that stands before its result: one further in may belong to something else. */
const ID_FIRST = new RegExp(
  String.raw`^\s*\{\s*(?:${VERSION}\s*,\s*)?${ID}\s*,\s*(?:${VERSION}\s*,\s*)?${OUTCOME}`,
)
const OUTCOME_FIRST = new RegExp(String.raw`^\s*\{\s*(?:${VERSION}\s*,\s*)?${OUTCOME}`)
const ID_LAST = new RegExp(String.raw`${ID}\s*(?:,\s*${VERSION}\s*)?\}\s*$`)

/** Marks an error response that the gateway itself wrote in place of one that was too large to keep. */
const MARK = 'tool-gateway/response-too-large'

/** Failure of a request whose answer was larger than allowed, where it fails on the way and not by a response. */
export class ResponseTooLarge extends Error {
  override readonly name = 'ResponseTooLarge'
}

/**
 * The id of a JSON-RPC response of which only the first bytes, and at its end the last bytes, are known.
 * Undefined when they do not tell, and at the end when the first bytes did.
 */
export function responseId(head: string, tail: string | undefined): RequestId | undefined {
  if (tail === undefined) return parseId(ID_FIRST.exec(head)?.[1])
  return OUTCOME_FIRST.test(head) ? parseId(ID_LAST.exec(tail)?.[1]) : undefined
}

/** The id of what looks like a response, whole or broken, by its beginning, its end, or the stream that it came by. */
export function answerId(
  head: string,
  tail: string,
  whole: () => RequestId | undefined,
): RequestId | undefined {
  const id = responseId(head, undefined)
  if (id !== undefined) return id
  return OUTCOME_FIRST.test(head) ? (whole() ?? parseId(ID_LAST.exec(tail.trimEnd())?.[1])) : undefined
}

/** The response that takes the place of one that was too large, so that its request fails at once. */
export function oversizedReply(id: RequestId): JSONRPCErrorResponse {
  const { rpc: code, title: message } = ERRORS.response_too_large
  return { jsonrpc: '2.0', id, error: { code, message, data: { [MARK]: true } } }
}

/** Whether an error is that of `oversizedReply`, which an error of the server itself with the same code is not. */
export function isOversizedReply(code: number, data: unknown): boolean {
  return code === ERRORS.response_too_large.rpc && isJsonObject(data) && data[MARK] === true
}

/** Marks one in place of a response that could not be read. */
const UNREADABLE = 'tool-gateway/unreadable-response'

/** The response that takes the place of one that could not be read, so that its request fails at once. */
export function unreadableReply(id: RequestId): JSONRPCErrorResponse {
  const { rpc: code, title: message } = ERRORS.upstream_bad_response
  return { jsonrpc: '2.0', id, error: { code, message, data: { [UNREADABLE]: true } } }
}

/** Whether an error is that of `unreadableReply`, which an error of the server itself with the same code is not. */
export function isUnreadableReply(code: number, data: unknown): boolean {
  return code === ERRORS.upstream_bad_response.rpc && isJsonObject(data) && data[UNREADABLE] === true
}

function parseId(text: string | undefined): RequestId | undefined {
  if (text === undefined) return undefined
  try {
    const id: unknown = JSON.parse(text)
    return typeof id === 'number' || typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}
