import { PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'
import type { Method, MethodTable } from '../../calls/methods.ts'
import { type OperationTarget, targetOf } from '../../calls/target-names.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { checkEnvelope } from '../message.ts'
import { splitProgressToken } from '../methods/request-params.ts'
import { isDirect, isPlainMessage } from './modern-request.ts'

/** A request in a legacy conversation that stands for a plain call. */
export interface SessionRequest {
  readonly id: string | number
  readonly method: Method
  readonly target: OperationTarget
  readonly params: JsonObject
}

/**
 * Reads a request in a legacy conversation that calls one target and wants nothing but the answer; undefined for every
 * other one, valid or not: the SDK is the judge of those.
 */
export function sessionRequest(
  body: unknown,
  { methods, scope }: { readonly methods: MethodTable; readonly scope: string | undefined },
): SessionRequest | undefined {
  if (!isPlainMessage(body) || isModern(body.params)) return undefined
  const { id, params: given } = body
  const method = methods.get(body.method)
  if (method === undefined || !isDirect(method)) return undefined
  try {
    checkEnvelope(body)
    const { params, progressToken } = splitProgressToken(given)
    const context = { scope, taskOf: () => undefined, toolName: () => '' }
    const target = progressToken === undefined ? targetOf(method, params, context) : undefined
    return target && { id, method, target, params }
  } catch {
    return undefined
  }
}

/** Whether the request says of itself that it is one of 2026-07-28. */
function isModern({ _meta: meta }: JsonObject): boolean {
  return isJsonObject(meta) && PROTOCOL_VERSION_META_KEY in meta
}
