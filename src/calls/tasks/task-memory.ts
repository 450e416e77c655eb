import { type Principal, principalKey } from '../../domain/principal.ts'
import type { ServerKey } from '../../domain/documents/server-definition.ts'
import type { TaskTarget } from './task-handles.ts'

const MAX_OWNERS = 1000
const MAX_TASKS_OF_OWNER = 200
/** Servers choose their ids; a longer one is not kept. */
const MAX_ID_LENGTH = 1024

/**
 * The owner and the tool of each task that passed through this process. A server that lists tasks or reports on one
 * states neither, and may list tasks of any caller: servers see all callers as one client. A task that is no longer
 * known here is not listed, but its handle still works.
 */
export class TaskMemory {
  /** Tools by server and task, by owner; the least recently used come first, at both levels. */
  readonly #owners = new Map<string, Map<string, string>>()

  /** Records that a task was issued to this caller, or used by it. */
  note({ server, tool, taskId }: TaskTarget, principal: Principal): void {
    if (taskId.length > MAX_ID_LENGTH) return
    const owner = principalKey(principal)
    const tasks = this.#owners.get(owner) ?? new Map<string, string>()
    putLast(this.#owners, owner, tasks, MAX_OWNERS)
    putLast(tasks, taskKey(server, taskId), tool, MAX_TASKS_OF_OWNER)
  }

  /** Whether any task of the caller at that server is known. */
  hasAny(server: ServerKey, principal: Principal): boolean {
    const prefix = taskKey(server, '')
    const tasks = this.#owners.get(principalKey(principal))
    return tasks !== undefined && [...tasks.keys()].some((key) => key.startsWith(prefix))
  }

  /** The caller's own task with that id; undefined if no such task of the caller is known. */
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
