import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { RawMessage } from '../support/raw-conversation.ts'
import {
  ask,
  legacyTask,
  modernTask,
  newest,
  part,
  startTaskWorld,
  TASK,
  TASKS_EXTENSION,
  type TaskWorld,
} from '../support/task-world.ts'

let world: TaskWorld

beforeAll(async () => {
  world = await startTaskWorld()
})

afterEach(() => world.closeConversations())

afterAll(() => world.close())

const RELATED = 'io.modelcontextprotocol/related-task'
const DONE = { content: [{ type: 'text', text: 'done' }], x3: 3 }

describe.each(['streamable-http', 'sse', 'websocket'] as const)('tasks of 2025-11-25 over %s', (kind) => {
  test('run from the call to the result under a handle, with every field of the server', async () => {
    const ann = await world.converse(kind)
    const begun = await ask(ann, 'tools/call', { name: 'legacy_slow', arguments: {}, task: TASK })
    const own = newest(world.legacy)
    const taskId = String(part(begun, 'task')['taskId'])
    const shape = { taskId, createdAt: expect.any(String), lastUpdatedAt: expect.any(String), ttl: null }
    expect(begun.result).toEqual({ task: { ...shape, status: 'working', x2: { y: 2 } }, x1: { y: 1 } })
    expect(taskId).toMatch(/^[\w-]{40,}$/)
    const shown = await ask(ann, 'tasks/get', { taskId })
    expect(shown.result).toEqual({ ...shape, status: 'working', x2: { y: 2 } })
    const waiting = ask(ann, 'tasks/result', { taskId })
    world.legacy.finish(own, DONE)
    expect((await waiting).result).toEqual({
      ...DONE,
      _meta: { [RELATED]: { taskId }, 'vendor.example/x': 1 },
    })
    expect(world.legacy.heard.slice(-3)).toEqual([
      { method: 'tools/call', params: { name: 'slow', arguments: {}, task: TASK } },
      { method: 'tasks/get', params: { taskId: own } },
      { method: 'tasks/result', params: { taskId: own } },
    ])
  })

  test('report their status under the handle', async () => {
    const ann = await world.converse(kind)
    const taskId = await legacyTask(ann)
    await ask(ann, 'tasks/cancel', { taskId })
    expect(ann.received).toContainEqual(
      expect.objectContaining({
        method: 'notifications/tasks/status',
        params: expect.objectContaining({ taskId, status: 'cancelled', x2: { y: 2 } }) as unknown,
      }),
    )
  })

  test('ask their client under the handle while it waits for the result', async () => {
    const ann = await world.converse(
      kind,
      {},
      {
        capabilities: { elicitation: {} },
        answer: ({ params }) => ({ action: 'accept', content: {}, _meta: params?.['_meta'] }),
      },
    )
    const taskId = await legacyTask(ann, 'legacy_other')
    const { result } = await ask(ann, 'tasks/result', { taskId })
    expect(ann.asked).toMatchObject([
      { method: 'elicitation/create', params: { message: 'Who?', _meta: { [RELATED]: { taskId } } } },
    ])
    expect(result?.['structuredContent']).toEqual({
      answer: { action: 'accept', content: {}, _meta: { [RELATED]: { taskId: newest(world.legacy) } } },
    })
  })
})

test('a session is told of tasks where a server that it may use has them', async () => {
  const told = async (path: string): Promise<unknown> => {
    const token = await world.gateway.token()
    const response = await fetch(`${world.gateway.url}/mcp${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
      }),
    })
    const text = await response.text()
    const message = JSON.parse(/^data: ?(\S.*)$/m.exec(text)?.[1] ?? text) as RawMessage
    return part(message, 'capabilities')['tasks']
  }
  const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } }
  expect(await told('')).toEqual(tasks)
  expect(await told('/legacy')).toEqual(tasks)
  expect(await told('/modern')).toBeUndefined()
})

describe.each(['modern', 'modern-websocket'] as const)('tasks of 2026-07-28 over %s', (kind) => {
  test('run from the call to the result under a handle, with every field of the server', async () => {
    const ann = await world.converse(kind)
    const { result } = await ask(ann, 'tools/call', { name: 'modern_slow', arguments: {} })
    const own = newest(world.modern)
    const taskId = String(result?.['taskId'])
    const shape = { taskId, status: 'working', ttlMs: null, x2: { y: 2 } }
    expect(result).toMatchObject({ ...shape, resultType: 'task' })
    expect(taskId).toMatch(/^[\w-]{40,}$/)
    expect((await ask(ann, 'tasks/get', { taskId })).result).toMatchObject({
      ...shape,
      resultType: 'complete',
    })
    world.modern.finish(own, DONE)
    expect((await ask(ann, 'tasks/get', { taskId })).result).toMatchObject({
      ...shape,
      status: 'completed',
      result: DONE,
    })
    expect(world.modern.heard.slice(-2).map(({ params }) => params['taskId'])).toEqual([own, own])
  })

  test('get the answers of their client', async () => {
    const ann = await world.converse(kind)
    const taskId = await modernTask(ann, 'modern_other')
    const { result } = await ask(ann, 'tasks/get', { taskId })
    expect(result).toMatchObject({ inputRequests: { who: { method: 'elicitation/create' } } })
    const inputResponses = { who: { action: 'accept', content: { name: 'Ann' } } }
    expect((await ask(ann, 'tasks/update', { taskId, inputResponses })).result).toMatchObject({
      resultType: 'complete',
    })
    expect((await ask(ann, 'tasks/get', { taskId })).result).toMatchObject({
      status: 'completed',
      result: { structuredContent: { inputResponses } },
    })
  })

  test('are cancelled by their handle', async () => {
    const ann = await world.converse(kind)
    const taskId = await modernTask(ann)
    expect((await ask(ann, 'tasks/cancel', { taskId })).result).toMatchObject({ resultType: 'complete' })
    expect(world.modern.tasks.get(newest(world.modern))?.status).toBe('cancelled')
  })

  test('are there for clients that declare the extension only', async () => {
    const taskId = await modernTask(await world.converse(kind))
    const plain = await world.converse(kind, {}, { capabilities: {} })
    const { result } = await ask(plain, 'tools/call', { name: 'modern_slow', arguments: {} })
    expect(result?.['content']).toEqual([{ type: 'text', text: 'at once' }])
    const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } }
    const refused = { code: -32021, data: { requiredCapabilities } }
    for (const id of [taskId, 'made-up'])
      expect((await ask(plain, 'tasks/get', { taskId: id })).error).toMatchObject(refused)
    expect((await ask(plain, 'tools/call', { name: 'modern_needed', arguments: {} })).error).toMatchObject(
      refused,
    )
  })

  test('are declared where a server that the caller may use has them', async () => {
    const declared = async (path: string): Promise<unknown> => {
      const ann = await world.converse(kind, {}, { path })
      return part(await ask(ann, 'server/discover', {}), 'capabilities')['extensions']
    }
    expect(await declared('')).toEqual({ [TASKS_EXTENSION]: {} })
    expect(await declared('/modern')).toEqual({ [TASKS_EXTENSION]: {} })
    expect(await declared('/legacy')).toBeUndefined()
    const alone = await world.converse(kind, {}, { path: '/legacy' })
    expect((await ask(alone, 'tasks/get', { taskId: 'x' })).error).toMatchObject({ code: -32601 })
  })
})
