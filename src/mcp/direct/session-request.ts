import { PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'
import type { Method, MethodTable } from '../../calls/methods.ts'
import { type OperationTarget, targetOf } from '../../calls/target-names.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ListName } from '../../upstream/discovery/listing.ts'
import { checkEnvelope, splitProgressToken } from '../message.ts'
import { asList, isDirect, isPlainMessage } from './modern-request.ts'

/** A request in a legacy conversation that stands for a plain call. */
export interface SessionRequest {
  readonly id: string | number
  readonly method: Method
  readonly target: OperationTarget
  readonly params: JsonObject
}

/** One for a page of a list. */
export interface SessionListRequest extends Omit<SessionRequest, 'target'> {
  readonly method: Method & { readonly list: ListName }
}

/**
 * Reads a request in a legacy conversation that calls one target and wants nothing but the answer; undefined for every
 * other one, valid or not: the SDK is the judge of those.
 */
export function sessionRequest(
  body: unknown,
  { methods, scope }: { readonly methods: MethodTable; readonly scope: string | undefined },
): SessionRequest | undefined {
  const request = plainRequest(body, methods)
  if (request === undefined || !isDirect(request.method)) return undefined
  const { method, params } = request
  try {
    const target = targetOf(method, params, { scope, taskOf: () => undefined, toolName: () => '' })
    return target && { ...request, target }
  } catch {
    return undefined
  }
}

/** Reads a request in a legacy conversation for a page of a list; undefined for every other one. */
export function sessionListRequest(body: unknown, methods: MethodTable): SessionListRequest | undefined {
  // Clients leave out the parameters of a first page.
  const request = plainRequest(isJsonObject(body) ? { params: {}, ...body } : body, methods)
  return request && asList(request)
}

function plainRequest(body: unknown, methods: MethodTable): Omit<SessionRequest, 'target'> | undefined {
  if (!isPlainMessage(body) || isModern(body.params)) return undefined
  const method = methods.get(body.method)
  if (method === undefined) return undefined
  try {
    checkEnvelope(body)
    const { params, progressToken } = splitProgressToken(body.params)
    return progressToken === undefined ? { id: body.id, method, params } : undefined
  } catch {
    return undefined
  }
}

/** Whether the request says of itself that it is one of 2026-07-28. */
function isModern({ _meta: meta }: JsonObject): boolean {
  return isJsonObject(meta) && PROTOCOL_VERSION_META_KEY in meta
}
