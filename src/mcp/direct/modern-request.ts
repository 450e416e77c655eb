import type { IncomingHttpHeaders } from 'node:http'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  RELATED_TASK_META_KEY,
} from '@modelcontextprotocol/server'
import type { CallerClient } from '../../calls/call.ts'
import type { Method, MethodTable } from '../../calls/methods.ts'
import { type OperationTarget, targetOf } from '../../calls/target-names.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ListName } from '../../upstream/discovery/listing.ts'
import { checkEnvelope, paramsWithoutNulls, splitProgressToken } from '../message.ts'
import { isList } from '../methods/list-results.ts'

/** The revision whose requests stand alone. */
export const MODERN_REVISION = '2026-07-28'

const LIST_PARAMS = new Set(['cursor', '_meta'])
const MEMBERS = new Set(['jsonrpc', 'id', 'method', 'params'])
/** Members of parameters that continue something, or mean something to the SDK. */
const NOT_PLAIN = ['inputResponses', 'requestState', 'task']
/** The same of metadata, of which the SDK is the judge. */
const NOT_PLAIN_META = [LOG_LEVEL_META_KEY, RELATED_TASK_META_KEY, 'progressToken']
/** Characters that a header value has as they are. */
const PLAIN_NAME = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/

/** A request of 2026-07-28 that wants nothing but the answer. */
interface PlainRequest {
  readonly id: string | number
  readonly method: Method
  readonly params: JsonObject
  /** What the client declared. */
  readonly client: Pick<CallerClient, 'era' | 'name' | 'capabilities' | 'logLevel'>
}

/** One that stands for a plain call. */
export interface ModernRequest extends PlainRequest {
  readonly target: OperationTarget
}

/** One for a page of a list. */
export interface ModernListRequest extends PlainRequest {
  readonly method: Method & { readonly list: ListName }
}

interface ReadOptions {
  readonly methods: MethodTable
  readonly scope: string | undefined
}

/**
 * Reads a request of 2026-07-28 that calls one target and wants nothing but the answer; undefined for every other one,
 * valid or not: the SDK is the judge of those.
 */
export function modernRequest(
  body: unknown,
  headers: IncomingHttpHeaders,
  { methods, scope }: ReadOptions,
): ModernRequest | undefined {
  const request = plainRequest(body, headers, methods)
  if (request === undefined || !isDirect(request.method)) return undefined
  const { method, params } = request
  if (!namesTarget(headers, method, params)) return undefined
  try {
    const target = targetOf(method, params, { scope, taskOf: () => undefined, toolName: () => '' })
    return target && { ...request, target }
  } catch {
    return undefined
  }
}

/** Reads a request of 2026-07-28 for a page of a list; undefined for every other one. */
export function modernListRequest(
  body: unknown,
  headers: IncomingHttpHeaders,
  { methods }: Pick<ReadOptions, 'methods'>,
): ModernListRequest | undefined {
  const request = plainRequest(body, headers, methods)
  if (request === undefined || headers['mcp-name'] !== undefined) return undefined
  return asList(request)
}

/** The request, if it is one for a page of a list and says nothing else. */
export function asList<T extends Pick<PlainRequest, 'method' | 'params'>>(
  request: T,
): (T & Pick<ModernListRequest, 'method'>) | undefined {
  const { method, params } = request
  if (!isList(method) || Object.keys(params).some((name) => !LIST_PARAMS.has(name))) return undefined
  return { ...request, method }
}

function plainRequest(
  body: unknown,
  headers: IncomingHttpHeaders,
  methods: MethodTable,
): PlainRequest | undefined {
  if (!isPlainMessage(body)) return undefined
  const { id, params: given } = body
  const method = methods.get(body.method)
  if (method === undefined || !isStandard(headers, method)) return undefined
  const client = clientIn(given['_meta'])
  if (client === undefined) return undefined
  try {
    checkEnvelope(body, Number(headers['content-length']))
  } catch {
    return undefined
  }
  const { params, progressToken } = splitProgressToken(withoutEnvelope(given))
  return progressToken === undefined ? { id, method, params, client } : undefined
}

/** A request of JSON-RPC. */
type PlainMessage = JsonObject & {
  readonly id: string | number
  readonly method: string
  readonly params: JsonObject
}

/** Whether it is a request of JSON-RPC with nothing else in it, that continues nothing. */
export function isPlainMessage(body: unknown): body is PlainMessage {
  if (!isJsonObject(body) || Object.keys(body).some((name) => !MEMBERS.has(name))) return false
  const { jsonrpc, id, method, params } = body
  if (jsonrpc !== '2.0' || typeof method !== 'string' || !isRequestId(id)) return false
  if (!isJsonObject(params) || paramsWithoutNulls(params) !== params) return false
  return !NOT_PLAIN.some((name) => name in params) && isPlainMeta(params['_meta'])
}

function isPlainMeta(meta: unknown): boolean {
  return meta === undefined || (isJsonObject(meta) && !NOT_PLAIN_META.some((key) => key in meta))
}

function isRequestId(id: unknown): id is string | number {
  return typeof id === 'string' || (typeof id === 'number' && Number.isSafeInteger(id))
}

/** Whether one server answers the method, and its target stands where a header repeats it. */
export function isDirect({ answeredBy, targetAt, extension }: Method): boolean {
  return answeredBy === 'server' && extension === undefined && (targetAt === 'name' || targetAt === 'uri')
}

/** Whether the headers say the same as the body (MCP 2026-07-28, Streamable HTTP, request headers). */
function isStandard(headers: IncomingHttpHeaders, { name }: Method): boolean {
  return (
    headers['mcp-protocol-version'] === MODERN_REVISION &&
    headers['mcp-session-id'] === undefined &&
    headers['mcp-method'] === name
  )
}

function namesTarget(headers: IncomingHttpHeaders, { targetAt }: Method, params: JsonObject): boolean {
  const target = params[targetAt]
  return (
    headers['mcp-name'] === target &&
    typeof target === 'string' &&
    PLAIN_NAME.test(target) &&
    !target.startsWith('=?')
  )
}

/** The client as the envelope of its request declares it; undefined if that has anything unusual. */
function clientIn(meta: unknown): ModernRequest['client'] | undefined {
  if (!isJsonObject(meta) || meta[PROTOCOL_VERSION_META_KEY] !== MODERN_REVISION) return undefined
  const info = meta[CLIENT_INFO_META_KEY]
  const capabilities = meta[CLIENT_CAPABILITIES_META_KEY]
  if (!isJsonObject(info) || !Object.values(info).every((value) => typeof value === 'string'))
    return undefined
  const { name, version } = info
  if (typeof name !== 'string' || typeof version !== 'string') return undefined
  if (!isJsonObject(capabilities) || !Object.values(capabilities).every(isOfObjects)) return undefined
  return { era: 'modern', name, capabilities, logLevel: undefined }
}

/** Members of the metadata that every request has. */
const ENVELOPE_MEMBERS = 3

/** The parameters without what concerns only the client and the gateway: the envelope, which `clientIn` has read. */
function withoutEnvelope({ _meta: given, ...params }: JsonObject): JsonObject {
  if (!isJsonObject(given) || Object.keys(given).length <= ENVELOPE_MEMBERS) return params
  const {
    [PROTOCOL_VERSION_META_KEY]: _version,
    [CLIENT_INFO_META_KEY]: _info,
    [CLIENT_CAPABILITIES_META_KEY]: _capabilities,
    ...meta
  } = given
  return { ...params, _meta: meta }
}

function isOfObjects(value: unknown): boolean {
  return isJsonObject(value) && Object.values(value).every(isJsonObject)
}
