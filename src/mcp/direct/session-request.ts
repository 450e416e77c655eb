import type { IncomingHttpHeaders } from 'node:http'
import { PROTOCOL_VERSION_META_KEY, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server'
import type { Method, MethodTable } from '../../calls/methods.ts'
import { type OperationTarget, targetOf } from '../../calls/target-names.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { checkEnvelope } from '../message.ts'
import { splitProgressToken } from '../methods/request-params.ts'
import { isDirect, isPlainMessage } from './modern-request.ts'

/** Revision of a request without a version header (MCP 2025-11-25, protocol version header). */
export const ASSUMED_VERSION = '2025-03-26'

/** A request in a session that stands for a plain call. */
export interface SessionRequest {
  readonly id: string | number
  readonly method: Method
  readonly target: OperationTarget
  readonly params: JsonObject
  /** The revision of the protocol. */
  readonly version: string
}

/**
 * Reads a request in a session that calls one target and wants nothing but the answer; undefined for every other one,
 * valid or not: the SDK is the judge of those.
 */
export function sessionRequest(
  body: unknown,
  headers: IncomingHttpHeaders,
  { methods, scope }: { readonly methods: MethodTable; readonly scope: string | undefined },
): SessionRequest | undefined {
  const version = headers['mcp-protocol-version'] ?? ASSUMED_VERSION
  if (typeof version !== 'string' || !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return undefined
  if (!isPlainMessage(body) || isModern(headers, body.params)) return undefined
  const { id, params: given } = body
  const method = methods.get(body.method)
  if (method === undefined || !isDirect(method)) return undefined
  try {
    checkEnvelope(body)
    const { params, progressToken } = splitProgressToken(given)
    const context = { scope, taskOf: () => undefined, toolName: () => '' }
    const target = progressToken === undefined ? targetOf(method, params, context) : undefined
    return target && { id, method, target, params, version }
  } catch {
    return undefined
  }
}

/** Whether anything of a request says that it is one of 2026-07-28. */
function isModern(headers: IncomingHttpHeaders, { _meta: meta }: JsonObject): boolean {
  return headers['mcp-method'] !== undefined || (isJsonObject(meta) && PROTOCOL_VERSION_META_KEY in meta)
}
