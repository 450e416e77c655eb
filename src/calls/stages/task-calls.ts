import type { Catalog } from '../../catalog/catalog.ts'
import { decide } from '../../domain/access-policy.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { Route } from '../call.ts'
import { badResponse } from '../client/questions.ts'
import type { Answer, PlannedTarget, RoutedCall, Run, Stage, StageFor } from '../stage.ts'
import { METHODS } from '../methods.ts'
import type { TaskTarget } from '../tasks/task-handles.ts'
import { namesTask, TaskIds, type Tasks } from '../tasks/task-ids.ts'
import { type Declared, hasTasks } from '../tasks/task-support.ts'

/** Timeout of `tasks/result`, which is answered when the task ends; a caller can cancel it at any time. */
const RESULT_MS = 60 * 60 * 1000
/** Clients name a task in a header, too (`mcp-name`), where a handle a third longer than this must fit. */
const MAX_ID_LENGTH = 4096

interface TaskCallsOptions {
  readonly tasks: Tasks
  readonly declared: Declared
  readonly catalog: Pick<Catalog, 'snapshot'>
}

/**
 * Stage: supports tasks of a server if client and server have tasks of the same era. The caller gets handles in place
 * of the server's ids, and may name only its own tasks to the server. A tool call that must run as a task and cannot is
 * refused before anything is sent.
 */
export function taskCalls(options: TaskCallsOptions): StageFor {
  return (target) => {
    const stage = stageOf(options, target)
    return (call, next) => stage(namesTask(call.params) ? withOwnNames(options, call) : call, next)
  }
}

function stageOf(options: TaskCallsOptions, target: PlannedTarget): Stage {
  const { method } = target
  if (method.runsTool === true) return toolCall(options, target)
  if (method.targetAt === 'taskId') return (call, next) => taskCall(options, call, next)
  if (method === METHODS.tasksList) return (call, next) => list(options, call, next)
  return (call, next) => next(call)
}

function withOwnNames(options: TaskCallsOptions, call: RoutedCall): RoutedCall {
  return { ...call, params: idsOf(options, call, serverKey(call.route.server)).fromClient(call.params) }
}

function idsOf({ tasks }: TaskCallsOptions, { caller }: RoutedCall, server: ServerKey): TaskIds {
  return new TaskIds({ tasks, server, principal: caller.principal })
}

/** Tool calls, which may create a task. */
function toolCall(options: TaskCallsOptions, { server, tool }: PlannedTarget): Stage {
  const execution = tool?.own['execution']
  const mustBeTask = isJsonObject(execution) && execution['taskSupport'] === 'required'
  const key = serverKey(server)
  return async (call, next) => {
    const isAsked = checkAsked(call, { options, key, mustBeTask })
    const answer = await next(call)
    if (answer.raw !== undefined && !isAsked) return answer
    const { result } = answer
    const { taskId, task } = result
    // A fallback may have answered in place of the addressed server.
    const { route } = answer
    if (result['resultType'] === 'task') {
      const ids = idsOf(options, call, serverKey(route.server))
      const handle = ids.handleOf(route.name, checkedId(route, taskId))
      return { route, result: { ...result, taskId: handle } }
    }
    if (!isAsked) return answer
    const ids = idsOf(options, call, key)
    if (!isJsonObject(task) || typeof task['taskId'] !== 'string')
      return { route, result: ids.fromServer(result) }
    const handle = ids.handleOf(route.name, checkedId(route, task['taskId']))
    return { route, result: ids.fromServer({ ...result, task: { ...task, taskId: handle } }) }
  }
}

/** @throws GatewayError `upstream_bad_response` if the task id is missing or too long */
function checkedId(route: Route, taskId: unknown): string {
  if (typeof taskId !== 'string') throw badResponse(route, 'it created a task without an id')
  if (taskId.length <= MAX_ID_LENGTH) return taskId
  throw badResponse(
    route,
    `the id of its task has ${taskId.length} characters; the limit is ${MAX_ID_LENGTH}`,
  )
}

/**
 * Whether a legacy client requests that the call runs as a task.
 * @throws GatewayError `invalid_arguments` if it cannot, `client_capability_required` if it must,
 * and the client is not legacy
 */
function checkAsked(
  { operation, params, route }: RoutedCall,
  given: { options: TaskCallsOptions; key: ServerKey; mustBeTask: boolean },
): boolean {
  const { client } = operation
  const { options, key, mustBeTask } = given
  const facts = { server: route.server.name, mayHaveExecuted: false }
  if (!('task' in params)) {
    // Only legacy clients can request a task, and they get the server's own answer.
    if (!mustBeTask || client?.era === 'legacy') return false
    const message = `${operation.name} can only run as a task, which requires an MCP client of revision 2025-11-25`
    throw new GatewayError('client_capability_required', message, { facts })
  }
  // In the modern era `task` has no meaning here, so it passes like any other member.
  if (client?.era === 'modern' && options.declared.eraOf(key) === 'modern') return false
  if (client?.era === 'legacy' && hasTasks(options.declared, key, 'legacy')) return true
  throw new GatewayError('invalid_arguments', 'This tool cannot be called as a task', { facts })
}

/** A request about one task. */
async function taskCall(options: TaskCallsOptions, call: RoutedCall, next: Run): Promise<Answer> {
  const { tool, taskId } = checkedTarget(call, options.declared)
  const isResult = call.operation.method === METHODS.tasksResult
  const ids = idsOf(options, call, serverKey(call.route.server))
  const handle = ids.handleOf(tool, taskId)
  const answer = await next({
    ...call,
    params: { ...call.params, taskId },
    timeoutMs: isResult ? Math.max(call.timeoutMs, RESULT_MS) : call.timeoutMs,
  })
  const result = ids.fromServer(answer.result)
  return { ...answer, result: 'taskId' in result ? { ...result, taskId: handle } : result }
}

/** @throws GatewayError `task_not_found` for a task of the other era */
function checkedTarget({ operation, route }: RoutedCall, declared: Declared): TaskTarget {
  const { task, client } = operation
  const isOfSameEra = client !== undefined && hasTasks(declared, serverKey(route.server), client.era)
  if (task === undefined || task === 'unknown' || !isOfSameEra) throw new GatewayError('task_not_found')
  return task
}

/** A server's list may have tasks of any caller, so the server is not asked if no task of this caller is known. */
async function list(options: TaskCallsOptions, call: RoutedCall, next: Run): Promise<Answer> {
  const { principal } = call.caller
  const server = serverKey(call.route.server)
  const ids = idsOf(options, call, server)
  if (!ids.hasAny) return { route: call.route, result: { tasks: [] } }
  const { route, result } = await next(call)
  const mayCall = (name: string): boolean =>
    decide(principal, 'call', { server, kind: 'tool', name }, options.catalog.snapshot).effect === 'allow'
  return { route, result: { ...result, tasks: ids.listed(result['tasks'], mayCall) } }
}
