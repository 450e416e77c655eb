import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  ProtocolError,
  Server,
  type ServerContext,
  type StandardSchemaV1,
} from '@modelcontextprotocol/server'
import { type HttpUpstream, listen } from './sample-http.ts'

type Fields = Record<string, unknown>

interface Task {
  readonly taskId: string
  readonly tool: string
  status: string
  result: Fields | undefined
  readonly over: PromiseWithResolvers<void>
}

/** A server whose tools run as tasks until a test ends them; its tasks are anybody's who knows the id. */
export interface TaskUpstream {
  readonly http: HttpUpstream
  /** In the order in which they were made. */
  readonly tasks: ReadonlyMap<string, Task>
  /** Every request so far: its method and what it named. */
  readonly heard: readonly { readonly method: string; readonly params: Fields }[]
  /** Ends a task with that result. */
  readonly finish: (taskId: string, result: Fields) => void
}

interface State {
  readonly tasks: Map<string, Task>
  readonly heard: { method: string; params: Fields }[]
}

const RELATED = 'io.modelcontextprotocol/related-task'
const EXTENSION = 'io.modelcontextprotocol/tasks'
const TOOLS = ['slow', 'other', 'needed'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
  execution: { taskSupport: name === 'needed' ? 'required' : 'optional' },
}))

const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}

/** Tasks as 2025-11-25 has them, over Streamable HTTP. */
export async function legacyTasks(): Promise<TaskUpstream> {
  const state: State = { tasks: new Map(), heard: [] }
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const http = await listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => {
        sessions.set(session, transport)
      },
    })
    await legacyServer(state).connect(transport)
    await transport.handleRequest(request, response)
  })
  return upstreamOf(http, state)
}

/** Tasks as the extension of 2026-07-28 has them. */
export async function modernTasks(): Promise<TaskUpstream> {
  const state: State = { tasks: new Map(), heard: [] }
  const answer = toNodeHandler(createMcpHandler(() => modernServer(state), { legacy: 'reject' }))
  const http = await listen((request, response) =>
    answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
  )
  return upstreamOf(http, state)
}

function upstreamOf(http: HttpUpstream, state: State): TaskUpstream {
  return { http, ...state, finish: (taskId, result) => end(taskOf(state, taskId), 'completed', result) }
}

function legacyServer(state: State): Server {
  const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } }
  const server = new Server({ name: 'tasks', version: '1' }, { capabilities: { tools: {}, tasks } })
  server.fallbackRequestHandler = async ({ method, params = {} }, context) => {
    if (method === 'tools/list') return { tools: TOOLS }
    state.heard.push({ method, params })
    if (method === 'tools/call') return legacyCall(state, params)
    if (method === 'tasks/list') return page(state, params['cursor'])
    const task = taskOf(state, params['taskId'])
    if (method === 'tasks/result') return resultOf(task, context)
    if (method === 'tasks/cancel') end(task, 'cancelled', undefined)
    else if (method !== 'tasks/get') throw new ProtocolError(-32_601, 'Method not found')
    await context.mcpReq.notify({ method: 'notifications/tasks/status', params: legacyShape(task) })
    return legacyShape(task)
  }
  return server
}

function legacyCall(state: State, { name, task }: Fields): Fields {
  if (task !== undefined) return { task: legacyShape(create(state, name)), x1: { y: 1 } }
  if (name === 'needed') throw new ProtocolError(-32_601, 'This tool needs a task')
  return { content: [{ type: 'text', text: 'at once' }] }
}

/** One task a page, of whoever made it. The cursor is the id of the last one. */
function page({ tasks }: State, cursor: unknown): Fields {
  const ids = [...tasks.keys()]
  const index = typeof cursor === 'string' ? ids.indexOf(cursor) + 1 : 0
  const task = tasks.get(ids[index] ?? '')
  return {
    tasks: task === undefined ? [] : [legacyShape(task)],
    ...(index + 1 < ids.length && { nextCursor: ids[index] }),
  }
}

/** Asks who it is for first, if the client can be asked. */
async function resultOf(task: Task, { mcpReq }: ServerContext): Promise<Fields> {
  const related = { [RELATED]: { taskId: task.taskId } }
  if (task.tool === 'other') {
    const params = { message: 'Who?', requestedSchema: { type: 'object', properties: {} }, _meta: related }
    const answer = await mcpReq.send({ method: 'elicitation/create', params }, ANYTHING)
    end(task, 'completed', { content: [], structuredContent: { answer } })
  }
  await task.over.promise
  return { ...task.result, _meta: { ...related, 'vendor.example/x': 1 } }
}

function modernServer(state: State): Server {
  const capabilities = { tools: {}, extensions: { [EXTENSION]: {} } }
  const server = new Server({ name: 'tasks', version: '1' }, { capabilities })
  const about = (method: string, params: Fields): Task => {
    state.heard.push({ method, params })
    return taskOf(state, params['taskId'])
  }
  server.setRequestHandler('tasks/get', { params: ANYTHING }, (params) => {
    const task = about('tasks/get', params as Fields)
    const { status, result } = task
    const requests = { who: { method: 'elicitation/create', params: { message: 'Who?' } } }
    return {
      ...modernShape(task),
      ...(status === 'input_required' && { inputRequests: requests }),
      ...(result !== undefined && { result }),
    }
  })
  server.setRequestHandler('tasks/cancel', { params: ANYTHING }, (params) => {
    end(about('tasks/cancel', params as Fields), 'cancelled', undefined)
    return {}
  })
  server.fallbackRequestHandler = ({ method, params = {} }, { mcpReq }) => {
    if (method === 'tools/list') return Promise.resolve({ tools: TOOLS })
    if (method === 'tasks/update') {
      const { inputResponses } = mcpReq
      const task = about(method, { ...params, inputResponses })
      end(task, 'completed', { content: [], structuredContent: { inputResponses } })
      return Promise.resolve({})
    }
    state.heard.push({ method, params })
    return Promise.resolve(modernCall(state, params, mcpReq.envelope))
  }
  return server
}

function modernCall(state: State, { name }: Fields, envelope: unknown): Fields {
  const declared = JSON.stringify(envelope).includes(EXTENSION)
  if (!declared && name !== 'needed') return { content: [{ type: 'text', text: 'at once' }] }
  const requiredCapabilities = { extensions: { [EXTENSION]: {} } }
  if (!declared) throw new ProtocolError(-32_021, 'This tool needs a task', { requiredCapabilities })
  const task = create(state, name)
  if (name === 'other') task.status = 'input_required'
  return { resultType: 'task', ...modernShape(task) }
}

function create({ tasks }: State, tool: unknown): Task {
  const taskId = `task-${tasks.size + 1}`
  const over = Promise.withResolvers<void>()
  const task: Task = { taskId, tool: String(tool), status: 'working', result: undefined, over }
  tasks.set(taskId, task)
  return task
}

function end(task: Task, status: string, result: Fields | undefined): void {
  task.status = status
  task.result = result
  task.over.resolve()
}

function taskOf({ tasks }: State, taskId: unknown): Task {
  const task = tasks.get(String(taskId))
  if (task === undefined) throw new ProtocolError(-32_602, 'No such task')
  return task
}

const AT = '2026-01-01T00:00:00Z'

function legacyShape({ taskId, status }: Task): Fields {
  return { taskId, status, createdAt: AT, lastUpdatedAt: AT, ttl: null, x2: { y: 2 } }
}

function modernShape({ taskId, status }: Task): Fields {
  return { taskId, status, createdAt: AT, lastUpdatedAt: AT, ttlMs: null, x2: { y: 2 } }
}
