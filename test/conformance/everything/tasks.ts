import { randomUUID } from 'node:crypto'
import {
  type CallToolResult,
  type InputRequests,
  type McpServer,
  ProtocolError,
  type StandardSchemaV1,
} from '@modelcontextprotocol/server'
import type { ToolResult } from './tool.ts'

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'
const TTL_MS = 60_000
const POLL_MS = 200

type Fields = Record<string, unknown>

/** The means of what runs as a task. */
interface Job {
  readonly signal: AbortSignal
  /** Waits for the client's answers to all of it. */
  readonly ask: (requests: InputRequests) => Promise<Fields>
}

/** What a tool does once its call is answered. An error that it throws is that of the call. */
export type Work = (job: Job) => Promise<CallToolResult>

interface Task {
  readonly taskId: string
  readonly createdAt: string
  readonly gone: AbortController
  lastUpdatedAt: string
  /** Of the state that it is in: a result, an error. */
  outcome: Fields
  /** Questions that are open, and the answers so far. */
  open: InputRequests
  answers: Fields
  onAnswered: () => void
}

const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}

/** The tasks of all servers of one process (MCP extension `io.modelcontextprotocol/tasks`). */
export class Tasks {
  readonly #tasks = new Map<string, Task>()

  /** Starts a task and gives the result of the call that it stands for. */
  start(work: Work): ToolResult {
    const now = new Date().toISOString()
    const task: Task = {
      taskId: randomUUID(),
      createdAt: now,
      gone: new AbortController(),
      lastUpdatedAt: now,
      outcome: { status: 'working' },
      open: {},
      answers: {},
      onAnswered: () => undefined,
    }
    this.#tasks.set(task.taskId, task)
    void run(task, work)
    // The SDK has no type for it.
    return { resultType: 'task', status: 'working', ...head(task) } as unknown as ToolResult
  }

  /** Makes a server answer what clients ask about tasks. */
  serve({ server }: McpServer): void {
    server.registerCapabilities({ extensions: { [TASKS_EXTENSION]: {} } })
    const methods: Record<string, (task: Task, params: Fields) => Fields> = {
      'tasks/get': (task) => ({ ...head(task), ...task.outcome }),
      'tasks/cancel': (task) => {
        if (isOpen(task)) settle(task, { status: 'cancelled' })
        task.gone.abort()
        return {}
      },
      'tasks/update': (task, params) => {
        answered(task, params['inputResponses'])
        return {}
      },
    }
    for (const [method, answer] of Object.entries(methods)) {
      server.setRequestHandler(method, { params: ANYTHING }, (params, { mcpReq }) => {
        checkDeclared({ ...mcpReq.envelope })
        const { inputResponses } = mcpReq
        return answer(this.#taskOf(params), { ...Object(params), inputResponses } as Fields)
      })
    }
  }

  #taskOf(params: unknown): Task {
    const { taskId } = params as { taskId?: unknown }
    const task = this.#tasks.get(String(taskId))
    if (task === undefined) throw new ProtocolError(-32_602, 'Task not found')
    return task
  }
}

/** @throws ProtocolError where a request did not declare the extension */
export function checkDeclared(envelope: Fields): void {
  if (JSON.stringify(envelope).includes(TASKS_EXTENSION)) return
  throw new ProtocolError(-32_021, 'Missing required client capability', {
    requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
  })
}

async function run(task: Task, work: Work): Promise<void> {
  const ask = async (requests: InputRequests): Promise<Fields> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    Object.assign(task, { open: requests, answers: {}, onAnswered: resolve })
    settle(task, { status: 'input_required', inputRequests: requests })
    await promise
    return task.answers
  }
  try {
    const result = await work({ signal: task.gone.signal, ask })
    if (isOpen(task)) settle(task, { status: 'completed', result: { ...result, resultType: 'complete' } })
  } catch (error) {
    const { code = -32_603, message } = error as { code?: unknown; message: string }
    if (isOpen(task)) settle(task, { status: 'failed', error: { code, message } })
  }
}

function answered(task: Task, responses: unknown): void {
  for (const [key, response] of Object.entries(Object(responses) as Fields)) {
    if (!(key in task.open)) continue
    const { [key]: _answered, ...open } = task.open
    task.answers[key] = response
    task.open = open
    const isDone = Object.keys(open).length === 0
    settle(task, isDone ? { status: 'working' } : { status: 'input_required', inputRequests: open })
    if (isDone) task.onAnswered()
  }
}

function isOpen({ outcome: { status } }: Task): boolean {
  return status === 'working' || status === 'input_required'
}

function settle(task: Task, outcome: Fields): void {
  task.outcome = outcome
  task.lastUpdatedAt = new Date().toISOString()
}

function head({ taskId, createdAt, lastUpdatedAt }: Task): Fields {
  return { taskId, createdAt, lastUpdatedAt, ttlMs: TTL_MS, pollIntervalMs: POLL_MS }
}
