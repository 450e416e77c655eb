import type { Clock } from '../domain/clock.ts'
import { ERRORS } from '../domain/errors/error-table.ts'
import { toGatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { isToolError, type RawObject } from '../domain/json/raw-object.ts'
import { isHttp, type ServerDefinition } from '../domain/documents/server-definition.ts'
import { ATTRIBUTE, EXECUTE_TOOL, TOOL_ERROR } from '../telemetry/attributes.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { TraceFields } from '../telemetry/trace-fields.ts'
import { activeTraceFields, describeSpan, isRecording, isTracing, withSpan } from '../telemetry/tracing.ts'
import type { Connection } from '../upstream/connection/connection.ts'
import type { Authorize } from './authorize.ts'
import type { Call, Operation } from './call.ts'
import type { RoutedCall } from './stage.ts'
import { METHODS } from './methods.ts'

type Facts = Record<string, string | number>
type Outcome = { readonly result: JsonObject | RawObject } | { readonly error: unknown }

const MAX_NAME = 128

/** A request of a client, with what spans and metrics record of it. */
interface TracedRequest {
  /** One of a fixed set. */
  readonly method: string
  readonly over: 'mcp' | 'rest'
  /** The revision that the client and the gateway have agreed on. */
  readonly protocolVersion?: string | undefined
  /** Trace context in the message, which takes precedence over that of the HTTP request. */
  readonly parent?: TraceFields | undefined
}

/**
 * Answers an MCP request in a server span, and counts and times it. The metric does not name the target, because
 * callers can invent any number of names.
 */
export function measureRequest<R extends JsonObject | RawObject>(
  request: TracedRequest,
  { metrics, clock }: { metrics: Pick<Metrics, 'serverOperation'>; clock: Clock },
  answer: () => Promise<R>,
): Promise<R> {
  const startedAt = clock.monotonic()
  const { method, protocolVersion } = request
  const count = (outcome: Outcome): void =>
    metrics.serverOperation(
      { method, protocolVersion, errorType: failureOverMcp(outcome)?.[ATTRIBUTE.errorType] },
      clock.monotonic() - startedAt,
    )
  const answered = traceRequest(request, answer)
  // Not with `await`: an asynchronous function would cost every call.
  answered.then(
    (result) => count({ result }),
    (error: unknown) => count({ error }),
  )
  return answered
}

/**
 * Answers a request in a server span. The span names the target only after the call was authorized: names that callers
 * invent are unbounded, and must not reach our telemetry.
 */
export function traceRequest<R extends JsonObject | RawObject>(
  request: TracedRequest,
  answer: () => Promise<R>,
): Promise<R> {
  if (!isTracing()) return answer()
  const { method, over, parent, protocolVersion } = request
  return withSpan(
    method,
    {
      kind: 'server',
      attributes: {
        ...factsOfMethod(method),
        ...(protocolVersion !== undefined && { [ATTRIBUTE.protocolVersion]: protocolVersion }),
        [ATTRIBUTE.transport]: 'tcp',
        [ATTRIBUTE.protocol]: 'http',
      },
      parent,
      failureOf: over === 'rest' ? failureOverRest : failureOverMcp,
    },
    answer,
  )
}

/** Runs the access decision in a separate span, and records what it determined on the span of the request. */
export function traceDecision(authorize: Authorize): (call: Call) => RoutedCall | Promise<RoutedCall> {
  return (call) => (isRecording() ? decideInSpan(authorize, call) : authorize(call))
}

async function decideInSpan(authorize: Authorize, call: Call): Promise<RoutedCall> {
  try {
    return await withSpan('access decision', { kind: 'internal' }, () => {
      try {
        return Promise.resolve(authorize(call))
      } catch (error) {
        return Promise.reject(toGatewayError(error))
      } finally {
        describeSpan(factsOfDecision(call))
      }
    })
  } finally {
    describeRequest(call)
  }
}

/** Sends an operation upstream in a client span. `send` gets the parameters as they go out. */
export function traceUpstream<R extends JsonObject | RawObject>(
  { operation, route }: RoutedCall,
  given: { readonly connection: Connection; readonly instance: string; readonly params: JsonObject },
  send: (params: JsonObject) => Promise<R>,
): Promise<R> {
  const { connection, instance, params } = given
  if (!isRecording()) return send(withTraceContext(params))
  const name = targetOf(operation, route.name)
  const attributes = {
    ...factsOfMethod(operation.method.name),
    ...factsOfTarget(operation, route.name),
    ...factsOfServer(route.server),
    [ATTRIBUTE.protocolVersion]: connection.protocolVersion,
    [ATTRIBUTE.instance]: instance,
  }
  return withSpan(name, { kind: 'client', attributes, failureOf: failureUpstream }, () =>
    send(withTraceContext(params)),
  )
}

/**
 * Parameters with the active span as the parent in `_meta`, in place of the caller's (MCP 2026-07-28, `_meta`), and
 * without the caller's baggage, which is meant for the gateway. Without a span the caller's trace context passes
 * unchanged.
 */
function withTraceContext(params: JsonObject): JsonObject {
  const fields = activeTraceFields()
  const { _meta: given } = params
  const hasBaggage = isJsonObject(given) && 'baggage' in given
  if (fields === undefined && !hasBaggage) return params
  const { baggage: _baggage, ...kept } = isJsonObject(given) ? given : {}
  if (fields !== undefined) delete kept['tracestate']
  const meta = { ...kept, ...fields }
  const { _meta, ...rest } = params
  return Object.keys(meta).length > 0 ? { ...rest, _meta: meta } : rest
}

function describeRequest({ caller, operation, info: { route, decision } }: Call): void {
  const isKnown = decision?.effect === 'allow' && route !== undefined
  describeSpan(
    {
      [ATTRIBUTE.face]: caller.transport,
      [ATTRIBUTE.requestId]: caller.requestId,
      ...(isKnown && { ...factsOfTarget(operation, operation.name), [ATTRIBUTE.server]: route.server.name }),
    },
    isKnown ? targetOf(operation, operation.name) : undefined,
  )
}

function factsOfDecision({ info: { decision } }: Call): Facts {
  return {
    [ATTRIBUTE.effect]: decision?.effect ?? 'deny',
    [ATTRIBUTE.rule]: decision?.ruleId ?? 'unknown-target',
  }
}

function factsOfMethod(method: string): Facts {
  return {
    [ATTRIBUTE.method]: method,
    ...(method === METHODS.toolsCall.name && { [ATTRIBUTE.genAiOperation]: EXECUTE_TOOL }),
  }
}

/** Name of a span. It has no URI: there are as many as there are resources, and URI templates contain arguments. */
function targetOf({ method, kind }: Operation, name: string): string {
  return kind === 'resource' ? method.name : `${method.name} ${name.slice(0, MAX_NAME)}`
}

function factsOfTarget({ kind }: Operation, name: string): Facts {
  if (kind === 'resource' || kind === 'server') return {}
  return { [kind === 'tool' ? ATTRIBUTE.tool : ATTRIBUTE.prompt]: name.slice(0, MAX_NAME) }
}

function factsOfServer(server: ServerDefinition): Facts {
  const facts = { [ATTRIBUTE.server]: server.name }
  if (server.transport === 'stdio') return { ...facts, [ATTRIBUTE.transport]: 'pipe' }
  if (!isHttp(server)) return facts
  const address = server.url ?? server.instances?.[0]?.url
  const url = address === undefined ? undefined : URL.parse(address)
  if (!url) return { ...facts, [ATTRIBUTE.transport]: 'tcp' }
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return {
    ...facts,
    [ATTRIBUTE.transport]: 'tcp',
    [ATTRIBUTE.protocol]: 'http',
    [ATTRIBUTE.address]: url.hostname,
    [ATTRIBUTE.port]: port,
  }
}

/** The JSON-RPC error that the caller gets, or the error that the tool reported in its result. */
function failureOverMcp(outcome: Outcome): Record<string, string> | undefined {
  if (!('error' in outcome)) return toolError(outcome.result)
  const error = toGatewayError(outcome.error)
  const code =
    (error.code === 'upstream_error' ? error.facts.upstream?.code : undefined) ?? ERRORS[error.code].rpc
  return {
    [ATTRIBUTE.errorType]: String(code),
    [ATTRIBUTE.rpcStatus]: String(code),
    [ATTRIBUTE.errorCode]: error.code,
  }
}

function failureOverRest(outcome: Outcome): Facts | undefined {
  if (!('error' in outcome)) return toolError(outcome.result)
  const { code } = toGatewayError(outcome.error)
  return { [ATTRIBUTE.errorType]: code, [ATTRIBUTE.errorCode]: code }
}

/** The upstream's own JSON-RPC error, else the reason why there was no answer. */
function failureUpstream(outcome: Outcome): Facts | undefined {
  if (!('error' in outcome)) return toolError(outcome.result)
  const { code, facts } = toGatewayError(outcome.error)
  if (facts.upstream === undefined) return { [ATTRIBUTE.errorType]: code, [ATTRIBUTE.errorCode]: code }
  const rpc = String(facts.upstream.code)
  return { [ATTRIBUTE.errorType]: rpc, [ATTRIBUTE.rpcStatus]: rpc, [ATTRIBUTE.errorCode]: code }
}

function toolError(result: JsonObject | RawObject): Record<string, string> | undefined {
  return isToolError(result) ? { [ATTRIBUTE.errorType]: TOOL_ERROR } : undefined
}
