import { GatewayError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { Operation } from '../routing/call.ts'

type Aim = Pick<Operation, 'action' | 'kind' | 'name'>

/** The MCP methods that go to one server, and how each names its target. */
const AIMS: ReadonlyMap<string, (params: JsonObject) => Aim> = new Map([
  ['tools/call', (params) => ({ action: 'call', kind: 'tool', name: nameWithArguments(params) })],
  ['prompts/get', (params) => ({ action: 'get', kind: 'prompt', name: nameWithArguments(params) })],
  ['resources/read', (params) => ({ action: 'read', kind: 'resource', name: textOf(params, 'uri') })],
  ['completion/complete', completionAim],
])

/** What a request aims at, or undefined when its method goes to no server. @throws GatewayError `invalid_arguments` */
export function aimOf(method: string, params: JsonObject): Aim | undefined {
  return AIMS.get(method)?.(params)
}

function completionAim(params: JsonObject): Aim {
  const ref = isJsonObject(params['ref']) ? params['ref'] : {}
  if (ref['type'] === 'ref/prompt') return { action: 'complete', kind: 'prompt', name: textOf(ref, 'name') }
  if (ref['type'] === 'ref/resource')
    return { action: 'complete', kind: 'resource', name: textOf(ref, 'uri') }
  throw new GatewayError('invalid_arguments', 'ref.type must be ref/prompt or ref/resource')
}

function nameWithArguments(params: JsonObject): string {
  const { arguments: given } = params
  if (given !== undefined && !isJsonObject(given))
    throw new GatewayError('invalid_arguments', 'arguments must be an object')
  return textOf(params, 'name')
}

function textOf(params: JsonObject, key: string): string {
  const value = params[key]
  if (typeof value === 'string' && value !== '') return value
  throw new GatewayError('invalid_arguments', `${key} must be a non-empty string`)
}

/** The parameters without the caller's progress token, which means nothing upstream. */
export function splitProgressToken(params: JsonObject): {
  params: JsonObject
  progressToken: string | number | undefined
} {
  const { _meta: meta, ...rest } = params
  if (!isJsonObject(meta)) return { params: rest, progressToken: undefined }
  const { progressToken, ...kept } = meta
  return {
    params: Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest,
    progressToken:
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : undefined,
  }
}
