import { contentsUnder } from '../catalog/resource-alias.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Operation, Route } from './call.ts'
import type { RoutedCall } from './stage.ts'
import type { Method } from './methods.ts'
import { skillResultUnder } from './skills.ts'
import type { TaskTarget } from './tasks/task-handles.ts'

/** Characters of a URI that a caller names: URIs are matched with the templates of all servers. */
export const MAX_URI_LENGTH = 8192

/** What a request is about. */
export type OperationTarget = Pick<Operation, 'action' | 'kind' | 'name' | 'task'>

/** What the target of a request depends on in addition to its parameters. */
export interface TargetContext {
  /** The one server that is addressed alone; undefined for all servers. */
  readonly scope: string | undefined
  /** The caller's task with that handle; undefined if it does not exist. */
  readonly taskOf: (handle: string) => TaskTarget | undefined
  /** The caller's name of the tool of a task. */
  readonly toolName: (task: TaskTarget) => string
}

/**
 * The target of a request that one server answers; undefined if none is addressed.
 * @throws GatewayError `invalid_arguments`
 */
export function targetOf(
  { action, kind, targetAt, hasArguments }: Method,
  params: JsonObject,
  context: TargetContext,
): OperationTarget | undefined {
  switch (targetAt) {
    case 'name':
    case 'uri':
      if (hasArguments === true) checkArgumentsAreObject(params)
      return { action, kind, name: textOf(params, targetAt) }
    case 'ref':
      return { action, ...referenceIn(params) }
    case 'taskId':
      return { action, kind, ...taskIn(params, context) }
    case 'scope':
      return context.scope === undefined ? undefined : { action, kind, name: context.scope }
  }
}

/** A caller that may call a tool may do everything with the tasks of its own calls. */
function taskIn(
  params: JsonObject,
  { taskOf, toolName }: TargetContext,
): Pick<OperationTarget, 'name' | 'task'> {
  const task = taskOf(textOf(params, 'taskId'))
  return task === undefined ? { name: 'unknown task', task: 'unknown' } : { name: toolName(task), task }
}

function referenceIn(params: JsonObject): Pick<OperationTarget, 'kind' | 'name'> {
  const ref = isJsonObject(params['ref']) ? params['ref'] : {}
  if (ref['type'] === 'ref/prompt') return { kind: 'prompt', name: textOf(ref, 'name') }
  if (ref['type'] === 'ref/resource') return { kind: 'resource', name: textOf(ref, 'uri') }
  throw new GatewayError('invalid_arguments', 'ref.type must be ref/prompt or ref/resource')
}

function checkArgumentsAreObject({ arguments: given }: JsonObject): void {
  if (given !== undefined && !isJsonObject(given))
    throw new GatewayError('invalid_arguments', 'arguments must be an object')
}

/** The text of a parameter that names something. @throws GatewayError `invalid_arguments` if it is none, or a URI that is too long */
export function textOf(params: JsonObject, key: string): string {
  const value = params[key]
  if (typeof value !== 'string' || value === '')
    throw new GatewayError('invalid_arguments', `${key} must be a non-empty string`)
  if (key === 'uri' && value.length > MAX_URI_LENGTH)
    throw new GatewayError('invalid_arguments', `uri must have at most ${MAX_URI_LENGTH} characters`)
  return value
}

/** The caller's parameters with the server's own name of the target. */
export function paramsFor({ operation: { method }, params, route: { name } }: RoutedCall): JsonObject {
  const { targetAt } = method
  if (targetAt === 'name' || targetAt === 'uri') return { ...params, [targetAt]: name }
  return targetAt === 'ref' ? { ...params, ref: referenceTo(params['ref'], name) } : params
}

function referenceTo(ref: unknown, name: string): unknown {
  if (!isJsonObject(ref)) return ref
  return 'uri' in ref && !('name' in ref) ? { ...ref, uri: name } : { ...ref, name }
}

/** The server's result with the URI by which the caller addressed the target. */
export function resultFor(result: JsonObject, { method, name }: Operation, route: Route): JsonObject {
  if (method.rewrites === 'contents') return contentsUnder(result, route.name, name)
  return method.rewrites === 'skill' ? skillResultUnder(result, route.name, name) : result
}
