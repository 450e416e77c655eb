import { type Principal, principalKey } from '../../domain/principal.ts'
import type { ServerKey } from '../../domain/documents/server-definition.ts'
import type { TaskTarget } from './task-handles.ts'

const MAX_OWNERS = 1000
const MAX_TASKS_OF_OWNER = 200
/** Ids are the servers' to choose; one that is longer is not kept. */
const MAX_ID_LENGTH = 1024

/**
 * Whose the tasks are that went through this process, and of which tool. A server that lists tasks, or reports on
 * one, says neither, and what it lists may be anybody's: servers see all callers as one client. What is not known here
 * any more is not listed, but can still be had by its handle.
 */
export class TaskMemory {
  /** Tools by server and task, by owner; the longest unused first, at both levels. */
  readonly #owners = new Map<string, Map<string, string>>()

  /** A task was handed to this caller, or used by it. */
  note({ server, tool, taskId }: TaskTarget, principal: Principal): void {
    if (taskId.length > MAX_ID_LENGTH) return
    const owner = principalKey(principal)
    const tasks = this.#owners.get(owner) ?? new Map<string, string>()
    putLast(this.#owners, owner, tasks, MAX_OWNERS)
    putLast(tasks, taskKey(server, taskId), tool, MAX_TASKS_OF_OWNER)
  }

  /** Whether any task of that server is known to be the caller's. */
  hasAny(server: ServerKey, principal: Principal): boolean {
    const prefix = taskKey(server, '')
    const tasks = this.#owners.get(principalKey(principal))
    return tasks !== undefined && [...tasks.keys()].some((key) => key.startsWith(prefix))
  }

  /** The caller's own task of that id; undefined for one that is not known to be its. */
  find(server: ServerKey, taskId: string, principal: Principal): TaskTarget | undefined {
    const tool = this.#owners.get(principalKey(principal))?.get(taskKey(server, taskId))
    return tool === undefined ? undefined : { server, tool, taskId }
  }
}

function taskKey(server: ServerKey, taskId: string): string {
  return `${server}\n${taskId}`
}

function putLast<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key)
  map.set(key, value)
  const [first] = map.keys()
  if (map.size > max && first !== undefined) map.delete(first)
}
