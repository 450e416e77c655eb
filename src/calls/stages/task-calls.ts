import type { Catalog } from '../../catalog/catalog.ts'
import { decide } from '../../domain/access-policy.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Call, Route, Stage } from '../call.ts'
import type { TaskTarget } from '../tasks/task-handles.ts'
import { namesTask, TaskIds, type Tasks } from '../tasks/task-ids.ts'
import { type Declared, hasTasks } from '../tasks/task-support.ts'

/** Timeout of `tasks/result`, which is answered when the task ends; a caller can cancel it at any time. */
const RESULT_MS = 60 * 60 * 1000

interface TaskCallsOptions {
  readonly tasks: Tasks
  readonly declared: Declared
  readonly catalog: Pick<Catalog, 'snapshot' | 'catalogOf'>
}

type Next = () => Promise<JsonObject>

/**
 * Stage: supports tasks of a server if client and server have tasks of the same era. The caller gets handles in place
 * of the server's ids, and may name only its own tasks to the server. A tool call that must run as a task and cannot is
 * refused before anything is sent.
 */
export function taskCalls(options: TaskCallsOptions): Stage {
  return (call, next) => {
    const { operation, route } = call
    if (route === undefined) return next()
    if (namesTask(call.params)) call.params = idsOf(options, { call, route, next }).fromClient(call.params)
    if (operation.method === 'tools/call') return toolCall(options, { call, route, next })
    if (operation.method === 'tasks/list') return list(options, { call, route, next })
    return operation.task === undefined ? next() : taskCall(options, { call, route, next })
  }
}

interface Step {
  readonly call: Call
  readonly route: Route
  readonly next: Next
}

function idsOf({ tasks }: TaskCallsOptions, { call, route }: Step): TaskIds {
  return new TaskIds({ tasks, server: serverKey(route.server), principal: call.caller.principal })
}

/** A tool call, which may create a task. */
async function toolCall(options: TaskCallsOptions, step: Step): Promise<JsonObject> {
  const isAsked = checkAsked(step, options)
  const result = await step.next()
  const { taskId, task } = result
  if (result['resultType'] === 'task' && typeof taskId === 'string') {
    // A fallback may have answered in place of the first server.
    const { route = step.route } = step.call
    return { ...result, taskId: idsOf(options, { ...step, route }).handleOf(route.name, taskId) }
  }
  if (!isAsked) return result
  const ids = idsOf(options, step)
  if (!isJsonObject(task) || typeof task['taskId'] !== 'string') return ids.fromServer(result)
  const handle = ids.handleOf(step.route.name, task['taskId'])
  return ids.fromServer({ ...result, task: { ...task, taskId: handle } })
}

/**
 * Whether a legacy client requests that the call runs as a task.
 * @throws GatewayError `invalid_arguments` if it cannot, `client_capability_required` if it must,
 * and the client is not legacy
 */
function checkAsked(step: Step, { declared, catalog }: TaskCallsOptions): boolean {
  const { call, route } = step
  const { client } = call.operation
  if (!('task' in call.params)) {
    if (client?.era !== 'legacy') checkNeedsNoTask(step, catalog)
    return false
  }
  const key = serverKey(route.server)
  // In the modern era `task` has no meaning here, so it passes like any other member.
  if (client?.era === 'modern' && declared.eraOf(key) === 'modern') return false
  if (client?.era === 'legacy' && hasTasks(declared, key, 'legacy')) return true
  throw new GatewayError('invalid_arguments', 'This tool cannot be called as a task', {
    facts: { server: route.server.name, mayHaveExecuted: false },
  })
}

/**
 * Refuses a tool that must run as a task: only legacy clients can request that, and they get the server's own answer.
 */
function checkNeedsNoTask(
  { call: { operation }, route: { server, name } }: Step,
  catalog: TaskCallsOptions['catalog'],
): void {
  const execution = catalog.catalogOf(server)?.toolsByOwnName.get(name)?.own['execution']
  if (!isJsonObject(execution) || execution['taskSupport'] !== 'required') return
  const facts = { server: server.name, mayHaveExecuted: false }
  const message = `${operation.name} can only run as a task, which requires an MCP client of revision 2025-11-25`
  throw new GatewayError('client_capability_required', message, { facts })
}

/** A request about one task. */
async function taskCall(options: TaskCallsOptions, step: Step): Promise<JsonObject> {
  const { call, next } = step
  const { tool, taskId } = checkedTarget(step, options.declared)
  call.params = { ...call.params, taskId }
  if (call.operation.method === 'tasks/result') call.timeoutMs = Math.max(call.timeoutMs, RESULT_MS)
  const ids = idsOf(options, step)
  const handle = ids.handleOf(tool, taskId)
  const result = ids.fromServer(await next())
  return 'taskId' in result ? { ...result, taskId: handle } : result
}

/** @throws GatewayError `task_not_found` for a task of the other era */
function checkedTarget({ call, route }: Step, declared: Declared): TaskTarget {
  const { task, client } = call.operation
  const isOfSameEra = client !== undefined && hasTasks(declared, serverKey(route.server), client.era)
  if (task === undefined || task === 'unknown' || !isOfSameEra) throw new GatewayError('task_not_found')
  return task
}

/** A server's list may have tasks of any caller, so the server is not asked if no task of this caller is known. */
async function list(options: TaskCallsOptions, step: Step): Promise<JsonObject> {
  const { principal } = step.call.caller
  const server = serverKey(step.route.server)
  const ids = idsOf(options, step)
  if (!ids.hasAny) return { tasks: [] }
  const result = await step.next()
  const mayCall = (name: string): boolean =>
    decide(principal, 'call', { server, kind: 'tool', name }, options.catalog.snapshot).effect === 'allow'
  return { ...result, tasks: ids.listed(result['tasks'], mayCall) }
}
