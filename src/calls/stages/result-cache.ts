import type { BoundedCache, CacheKey } from '../../cache/bounded-cache.ts'
import { digestOf } from '../../cache/digest.ts'
import { SharedRuns } from '../../cache/shared-runs.ts'
import { forwardedHeaders } from '../client/forwarded-headers.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { accessKey, principalKey, type Principal } from '../../domain/principal.ts'
import { isHttp, type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { cacheTtlOf } from '../cache-rule.ts'
import type { Operation, Route } from '../call.ts'
import type { Answer, RoutedCall, Run, StageFor } from '../stage.ts'

/** What the callers of one shared run get. */
interface Shared {
  readonly answer: Answer
  /** The result as JSON; undefined if it is only for the call that ran. */
  readonly text: string | undefined
}

/** Upstream authentication modes that use the same credentials for every caller. */
const SAME_FOR_ALL: ReadonlySet<string> = new Set(['none', 'bearer', 'headers', 'client_credentials'])
/** Parameters of calls that continue something, or start something that only their caller may use. */
const PERSONAL_PARAMS = ['task', 'requestState', 'inputResponses']
/** Members of `_meta` that are trace context or belong to the protocol, which describe the client. */
const OF_THE_WAY = /^(traceparent|tracestate|baggage|io\.modelcontextprotocol\/.*)$/

/**
 * Stage: answers calls of a tool with `cacheTtlMs` from the cache, for callers with equal rights in the same tenant.
 * Equal calls at the same time reach the server once; a caller that cancels does not end the run for the others.
 */
export function resultCache({ cache }: { cache: BoundedCache }): StageFor {
  const runs = new SharedRuns<Shared, JsonObject>()
  return (target) => {
    const ttlMs = target.method.runsTool === true ? cacheTtlOf(target) : undefined
    if (ttlMs === undefined) return undefined
    const keeping = { cache, runs, ttlMs }
    return (call, next) => {
      const isPersonal = PERSONAL_PARAMS.some((name) => name in call.params)
      return isPersonal ? next(call) : cached(keeping, call, next)
    }
  }
}

interface Keeping {
  readonly cache: BoundedCache
  readonly runs: SharedRuns<Shared, JsonObject>
  readonly ttlMs: number
}

async function cached({ cache, runs, ttlMs }: Keeping, call: RoutedCall, next: Run): Promise<Answer> {
  const { route } = call
  const key = keyOf(call, route)
  const kept = cache.get(key)
  if (kept !== undefined) return { route, result: parsed(kept) }
  const { signal, onProgress } = call.operation
  const { result: shared, isFirst } = await runs
    .join(key.digest, { signal, onEvent: onProgress }, async (anyone, tell) => {
      const answer = await next({ ...call, operation: operationOf(call.operation, anyone, tell) })
      const { result } = answer
      const text = isForAll(result) ? JSON.stringify(result) : undefined
      if (text !== undefined && result['isError'] !== true) cache.set(key, text, ttlMs)
      return { answer, text }
    })
    .catch((error: unknown) => {
      throw signal.aborted ? cancelled(toGatewayError(error), route) : error
    })
  if (isFirst) return shared.answer
  return shared.text === undefined ? next(call) : { route, result: parsed(shared.text) }
}

/**
 * The cache key: the rights that decisions depend on, the server's current document, the tool, and what the server gets
 * of the call.
 */
function keyOf({ caller: { principal, presented }, params }: RoutedCall, { server, name }: Route): CacheKey {
  const digest = digestOf(
    callerKey(principal, server),
    forwardedHeaders(server, { presented }) ?? {},
    versionOf(server),
    serverKey(server),
    name,
    contentOf(params),
  )
  return { tenantId: principal.tenantId, digest }
}

/** The parameters of a tool call that a server acts on; metadata of the request and of the client is left out. */
export function contentOf({ name: _name, _meta: given, ...params }: JsonObject): JsonObject {
  const meta = isJsonObject(given) ? Object.entries(given).filter(([key]) => !OF_THE_WAY.test(key)) : []
  return {
    ...params,
    arguments: params['arguments'] ?? {},
    ...(meta.length > 0 && { _meta: Object.fromEntries(meta) }),
  }
}

function callerKey(principal: Principal, server: ServerDefinition): string {
  const isSameForAll = !isHttp(server) || SAME_FOR_ALL.has(server.auth.kind)
  return isSameForAll ? accessKey(principal) : principalKey(principal)
}

/** Definitions are immutable, so each is digested once. */
const versions = new WeakMap<ServerDefinition, string>()

function versionOf(server: ServerDefinition): string {
  const known = versions.get(server)
  if (known !== undefined) return known
  const version = digestOf(server)
  versions.set(server, version)
  return version
}

/** The operation detached from any client: no client can be asked, and it ends when no caller waits for it any more. */
function operationOf(
  { client: _client, onProgress, ...operation }: Operation,
  signal: AbortSignal,
  tell: (progress: JsonObject) => void,
): Operation {
  return { ...operation, signal, ...(onProgress !== undefined && { onProgress: tell }) }
}

/** Whether a result is neither a task nor a question to the caller. */
function isForAll(result: JsonObject): boolean {
  const { resultType, task } = result
  return (resultType === undefined || resultType === 'complete') && task === undefined
}

/** A copy for each caller, because callers may change it. */
function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  return isJsonObject(value) ? value : {}
}

/** The run may have reached the server, and may continue for other callers. */
function cancelled(cause: GatewayError, { server }: Route): GatewayError {
  return new GatewayError('cancelled', undefined, {
    cause,
    facts: { server: server.name, mayHaveExecuted: true },
  })
}
