import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ServerKey } from '../../domain/documents/server-definition.ts'
import type { CallerClient } from '../call.ts'
import type { TaskHandles, TaskTarget } from './task-handles.ts'
import type { TaskMemory } from './task-memory.ts'

/** `_meta` key by which a message names the task that it belongs to (MCP 2025-11-25, tasks). */
const RELATED_TASK = 'io.modelcontextprotocol/related-task'
const STATUS = 'notifications/tasks/status'

/** The two parts that stages need for tasks: handles for their ids, and what is remembered of each. */
export interface Tasks {
  readonly handles: TaskHandles
  readonly memory: TaskMemory
}

/** Translates between the task ids of one server and the handles of one caller. */
export class TaskIds {
  readonly #tasks: Tasks
  readonly #server: ServerKey
  readonly #principal: Principal

  constructor(options: { tasks: Tasks; server: ServerKey; principal: Principal }) {
    this.#tasks = options.tasks
    this.#server = options.server
    this.#principal = options.principal
  }

  /** The handle of a task, which from now on counts as the caller's. */
  handleOf(tool: string, taskId: string): string {
    const target: TaskTarget = { server: this.#server, tool, taskId }
    this.#tasks.memory.note(target, this.#principal)
    return this.#tasks.handles.handleOf(target, this.#principal)
  }

  /**
   * A message of the server with the caller's handle in `_meta`; the name is left out if the task is not the caller's.
   */
  fromServer<T extends JsonObject | undefined>(message: T): T | JsonObject {
    return withRelated(message, (taskId) => this.#known(taskId))
  }

  /**
   * A message of the client with the server's own id in `_meta`; the name is left out if the server has no such task of
   * the caller.
   */
  fromClient(message: JsonObject): JsonObject {
    return withRelated(message, (handle) => {
      const target = this.#tasks.handles.open(handle, this.#principal)
      return target?.server === this.#server ? target.taskId : undefined
    })
  }

  /** Whether any task of the caller is known. */
  get hasAny(): boolean {
    return this.#tasks.memory.hasAny(this.#server, this.#principal)
  }

  /** The entries of `tasks/list` that are tasks of the caller, of tools that it may call, the first one of each. */
  listed(tasks: unknown, mayCall: (tool: string) => boolean): JsonObject[] {
    if (!Array.isArray(tasks)) return []
    const listed = new Set<string>()
    return (tasks as readonly unknown[]).filter(isJsonObject).flatMap((task) => {
      const { taskId } = task
      if (typeof taskId !== 'string' || listed.has(taskId)) return []
      const target = this.#find(taskId)
      if (target === undefined || !mayCall(target.tool)) return []
      listed.add(taskId)
      return [{ ...task, taskId: this.#tasks.handles.handleOf(target, this.#principal) }]
    })
  }

  /** The client as the server can reach it: tasks are named by their handles in everything it gets. */
  client(client: CallerClient): CallerClient {
    const { ask } = client
    return {
      ...client,
      tell: (method, params) => {
        if (method !== STATUS) return client.tell(method, this.fromServer(params))
        const shown = this.#status(params)
        if (shown !== undefined) client.tell(method, shown)
      },
      ...(ask !== undefined && {
        ask: async (method, params, options) =>
          this.fromClient(await ask(method, this.fromServer(params), options)),
      }),
    }
  }

  /** The parameters of a status notification; undefined if no such task of the caller is known. */
  #status(params: JsonObject | undefined): JsonObject | undefined {
    const taskId = params?.['taskId']
    const handle = typeof taskId === 'string' ? this.#known(taskId) : undefined
    return handle === undefined ? undefined : this.fromServer({ ...params, taskId: handle })
  }

  #find(taskId: string): TaskTarget | undefined {
    return this.#tasks.memory.find(this.#server, taskId, this.#principal)
  }

  #known(taskId: string): string | undefined {
    const target = this.#find(taskId)
    return target === undefined ? undefined : this.#tasks.handles.handleOf(target, this.#principal)
  }
}

/** Whether the `_meta` of a message names the task that it belongs to. */
export function namesTask({ _meta: meta }: JsonObject): boolean {
  return isJsonObject(meta) && RELATED_TASK in meta
}

function withRelated<T extends JsonObject | undefined>(
  message: T,
  nameOf: (taskId: string) => string | undefined,
): T | JsonObject {
  const meta = message?.['_meta']
  if (!isJsonObject(meta) || !(RELATED_TASK in meta)) return message
  const { [RELATED_TASK]: related, ...rest } = meta
  const taskId = isJsonObject(related) ? related['taskId'] : undefined
  const name = typeof taskId === 'string' ? nameOf(taskId) : undefined
  if (name !== undefined && isJsonObject(related))
    return { ...message, _meta: { ...meta, [RELATED_TASK]: { ...related, taskId: name } } }
  if (Object.keys(rest).length > 0) return { ...message, _meta: rest }
  const { _meta: _empty, ...bare } = message ?? {}
  return bare
}
