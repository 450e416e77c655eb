import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import type { RawConversation, RawMessage } from '../support/raw-conversation.ts'
import type { TestGateway } from '../support/start-gateway.ts'
import type { TaskUpstream } from '../support/upstreams/task-server.ts'
import {
  ask,
  legacyTask,
  modernTask,
  newest,
  part,
  startTaskWorld,
  TASK,
  type TaskWorld,
  UNKNOWN_TASK,
} from '../support/task-world.ts'

let world: TaskWorld

beforeAll(async () => {
  world = await startTaskWorld()
})

afterEach(() => world.closeConversations())

afterAll(() => world.close())

/** Ids in the result of `tasks/list`, in order. */
function idsIn(message: RawMessage): unknown[] {
  return Object.values(part(message, 'tasks')).map((task) => (task as { taskId?: unknown }).taskId)
}

describe('the tasks of a caller', () => {
  test('are listed for that caller alone, in one page', async () => {
    const ann = await world.converse('streamable-http', { subject: 'ann-lists' })
    const bob = await world.converse('websocket', { subject: 'bob-lists' })
    const its = [await legacyTask(ann), await legacyTask(ann)]
    const his = await legacyTask(bob)
    const listed = async (client: RawConversation): Promise<unknown> =>
      idsIn(await ask(client, 'tasks/list', {}))
    expect(await listed(ann)).toEqual(its)
    expect(await listed(bob)).toEqual([his])
    expect(await listed(await world.converse('sse', { subject: 'carl' }))).toEqual([])
  })

  test('are not listed by a cursor of somebody else', async () => {
    const ann = await world.converse('streamable-http')
    const { error } = await ask(ann, 'tasks/list', { cursor: 'task-1' })
    expect(error).toMatchObject({ code: -32602, data: { code: 'invalid_cursor' } })
  })

  const STRANGERS: [string, Parameters<TestGateway['token']>[0]][] = [
    ['another subject', { subject: 'bob' }],
    ['another tenant', { tenantId: 'other' }],
    ['the same subject with other roles', { roles: ['reader', 'admin'] }],
  ]
  const ERAS = [
    ['streamable-http', ['tasks/get', 'tasks/result', 'tasks/cancel']],
    ['modern', ['tasks/get', 'tasks/update', 'tasks/cancel']],
  ] as const

  describe.each(ERAS)('over %s', (kind, methods) => {
    const server = (): TaskUpstream => (kind === 'modern' ? world.modern : world.legacy)
    const start = kind === 'modern' ? modernTask : legacyTask

    test.each(STRANGERS)('do not exist for %s, and the server hears nothing', async (_who, stranger) => {
      const taskId = await start(await world.converse(kind))
      const thief = await world.converse(kind, stranger)
      const before = server().heard.length
      for (const method of methods) {
        const answers = await Promise.all(
          [taskId, newest(server()), `${taskId.slice(0, -4)}AAAA`, 'made-up'].map((each) =>
            ask(thief, method, { taskId: each, inputResponses: {} }),
          ),
        )
        expect(answers.map(({ error }) => error)).toEqual([
          UNKNOWN_TASK,
          UNKNOWN_TASK,
          UNKNOWN_TASK,
          UNKNOWN_TASK,
        ])
      }
      expect(server().heard.length).toBe(before)
      expect(server().tasks.get(newest(server()))?.status).toBe('working')
    })

    test('are their own in another conversation too, but not at another server', async () => {
      const taskId = await start(await world.converse(kind))
      const scope = kind === 'modern' ? '/modern' : '/legacy'
      const again = await world.converse(kind, {}, { path: scope })
      expect((await ask(again, 'tasks/get', { taskId })).result).toMatchObject({ taskId, status: 'working' })
      const elsewhere = kind === 'modern' ? world.legacy : world.modern
      expect(elsewhere.heard.map(({ params }) => params['taskId'])).not.toContain(taskId)
    })
  })

  test('are out of reach at the path of another server', async () => {
    const taskId = await legacyTask(await world.converse('streamable-http'))
    const elsewhere = await world.converse('streamable-http', {}, { path: '/modern' })
    expect((await ask(elsewhere, 'tasks/get', { taskId })).error).toEqual(UNKNOWN_TASK)
  })
})

test('a task is out of reach as soon as its tool is', async () => {
  const ann = await world.converse('streamable-http')
  const taskId = await legacyTask(ann, 'legacy_other')
  const looked = async (): Promise<unknown> => (await ask(ann, 'tasks/get', { taskId })).error
  expect(await looked()).toBeUndefined()
  await world.setLegacyTools({ other: { requiredRoles: ['admin'] } })
  expect(await eventually(looked)).toEqual(UNKNOWN_TASK)
  const { result } = await ask(ann, 'tasks/list', {})
  expect(result?.['tasks']).not.toContainEqual(expect.objectContaining({ taskId }))
  await world.setLegacyTools({})
  await eventually(async () => (await looked()) === undefined)
})

describe('across the eras', () => {
  test('a call that would be a task is refused before anything is sent', async () => {
    const ann = await world.converse('streamable-http')
    const bob = await world.converse('modern')
    const heard = [world.legacy.heard.length, world.modern.heard.length]
    const task = { arguments: {}, task: TASK }
    const refused = { code: -32602, data: { code: 'invalid_arguments', mayHaveExecuted: false } }
    expect((await ask(ann, 'tools/call', { name: 'modern_slow', ...task })).error).toMatchObject(refused)
    expect((await ask(bob, 'tools/call', { name: 'legacy_slow', ...task })).error).toMatchObject(refused)
    expect([world.legacy.heard.length, world.modern.heard.length]).toEqual(heard)
  })

  test('a handle of the other era leads to no task', async () => {
    const ann = await world.converse('streamable-http')
    const bob = await world.converse('modern')
    const [its, his] = [await legacyTask(ann), await modernTask(bob)]
    expect((await ask(ann, 'tasks/get', { taskId: his })).error).toEqual(UNKNOWN_TASK)
    expect((await ask(bob, 'tasks/get', { taskId: its })).error).toEqual(UNKNOWN_TASK)
  })

  test('a tool that needs no task is called as ever, and one that needs one is refused with the reason', async () => {
    const bob = await world.converse('modern')
    const { result } = await ask(bob, 'tools/call', { name: 'legacy_slow', arguments: {} })
    expect(result?.['content']).toEqual([{ type: 'text', text: 'at once' }])
    const heard = world.legacy.heard.length
    const { error } = await ask(bob, 'tools/call', { name: 'legacy_needed', arguments: {} })
    expect(error).toMatchObject({ data: { code: 'client_capability_required', mayHaveExecuted: false } })
    expect(world.legacy.heard.length).toBe(heard)
    const ann = await world.converse('streamable-http')
    const needed = await ask(ann, 'tools/call', { name: 'modern_needed', arguments: {} })
    expect(needed.error).toMatchObject({ data: { code: 'client_capability_required' } })
    const own = await ask(ann, 'tools/call', { name: 'legacy_needed', arguments: {} })
    expect(own.error).toMatchObject({ code: -32601, message: 'This tool needs a task' })
  })

  test('REST says that a tool needs a task, and has none', async () => {
    const token = await world.gateway.token()
    const called = (tool: string): ReturnType<TestGateway['rest']> =>
      world.gateway.rest(token, 'POST', `/v1/tools/${tool}`, { arguments: {} })
    expect(await called('legacy_needed')).toMatchObject({
      status: 422,
      body: { code: 'client_capability_required' },
    })
    expect(await called('modern_needed')).toMatchObject({
      status: 422,
      body: { code: 'client_capability_required' },
    })
    expect(await called('legacy_slow')).toMatchObject({ status: 200 })
  })
})
