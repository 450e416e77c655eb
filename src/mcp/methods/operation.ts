import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { CallerClient, Operation } from '../../calls/call.ts'
import type { TaskTarget } from '../../calls/tasks/task-handles.ts'
import { parseTraceFields } from '../../telemetry/trace-fields.ts'
import { TASKS_EXTENSION } from '../../upstream/messages/client-side.ts'

const MISSING_CAPABILITY = -32_021

type Aim = Pick<Operation, 'action' | 'kind' | 'name' | 'task'>

/** What the target of a request depends on beside its parameters. */
export interface AimContext {
  /** The one server that is addressed alone; undefined for all servers. */
  readonly scope: string | undefined
  /** The caller's task with that handle; undefined if there is none. */
  readonly taskOf: (handle: string) => TaskTarget | undefined
  /** The caller's name of the tool of a task. */
  readonly toolName: (task: TaskTarget) => string
}

type AimOf = (params: JsonObject, context: AimContext) => Aim | undefined

/** The MCP methods that go to one server, and how each determines its target. */
const AIMS: ReadonlyMap<string, AimOf> = new Map<string, AimOf>([
  ['tools/call', (params) => ({ action: 'call', kind: 'tool', name: nameWithArguments(params) })],
  ['prompts/get', (params) => ({ action: 'get', kind: 'prompt', name: nameWithArguments(params) })],
  ['resources/read', (params) => ({ action: 'read', kind: 'resource', name: textOf(params, 'uri') })],
  ['completion/complete', completionAim],
  ['tasks/get', taskAim],
  ['tasks/result', taskAim],
  ['tasks/update', taskAim],
  ['tasks/cancel', taskAim],
  [
    'skills/list',
    (_params, { scope }) =>
      scope === undefined ? undefined : { action: 'list', kind: 'server', name: scope },
  ],
  ['skills/get', (params) => ({ action: 'read', kind: 'resource', name: textOf(params, 'uri') })],
  [
    'resources/directory/read',
    (params) => ({ action: 'list', kind: 'resource', name: textOf(params, 'uri') }),
  ],
])

/**
 * The target of a request; undefined if its method goes to no server.
 * @throws GatewayError `invalid_arguments`
 */
export function aimOf(method: string, params: JsonObject, context: AimContext): Aim | undefined {
  return AIMS.get(method)?.(params, context)
}

/** A caller that may call a tool may do everything with the tasks of its own calls. */
function taskAim(params: JsonObject, { taskOf, toolName }: AimContext): Aim {
  const task = taskOf(textOf(params, 'taskId'))
  if (task === undefined) return { action: 'call', kind: 'tool', name: 'unknown task', task: 'unknown' }
  return { action: 'call', kind: 'tool', name: toolName(task), task }
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

/**
 * Checks that a client of 2026-07-28 that requests a task has declared the tasks extension (MCP extension tasks,
 * errors).
 * @throws GatewayError `client_capability_required`
 */
export function checkHasTasks({ task }: Aim, { era, capabilities }: CallerClient): void {
  const { extensions } = capabilities
  if (task === undefined || era === 'legacy') return
  if (isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION])) return
  const message = `The client did not declare the extension ${TASKS_EXTENSION}`
  const data = { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } }
  throw new GatewayError('client_capability_required', message, {
    // The error code that the extension requires, instead of the gateway's own.
    facts: { mayHaveExecuted: false, upstream: { code: MISSING_CAPABILITY, message, data } },
  })
}

/** The parameters without the caller's progress token, which has no meaning upstream. */
export function splitProgressToken(params: JsonObject): {
  params: JsonObject
  progressToken: string | number | undefined
} {
  const { _meta: meta, ...rest } = params
  if (!isJsonObject(meta)) return { params: rest, progressToken: undefined }
  const { progressToken, ...others } = meta
  const kept = withSoundTrace(others)
  return {
    params: Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest,
    progressToken:
      typeof progressToken === 'string' || typeof progressToken === 'number' ? progressToken : undefined,
  }
}

/** Removes a trace context that is not valid (W3C Trace Context §3.2). */
function withSoundTrace(meta: JsonObject): JsonObject {
  const { traceparent, tracestate, ...others } = meta
  if (traceparent === undefined && tracestate === undefined) return meta
  return parseTraceFields({ traceparent, tracestate }) === undefined ? others : meta
}
