import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { CallerClient } from '../../../src/calls/call.ts'
import { TaskHandles } from '../../../src/calls/tasks/task-handles.ts'
import { TaskIds } from '../../../src/calls/tasks/task-ids.ts'
import { TaskMemory } from '../../../src/calls/tasks/task-memory.ts'
import { principal } from '../../support/offers.ts'

const tasks = { handles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }), memory: new TaskMemory() }
const ids = new TaskIds({ tasks, server: 'acme/alpha', principal: principal() })
const handle = ids.handleOf('slow', 't1')
const beta = new TaskIds({ tasks, server: 'acme/beta', principal: principal() })
const elsewhere = beta.handleOf('slow', 't1')

const related = (taskId: string): JsonObject => ({ 'io.modelcontextprotocol/related-task': { taskId, x: 1 } })

function listening(answer: JsonObject = {}): { client: CallerClient; heard: unknown[] } {
  const heard: unknown[] = []
  const client = ids.client({
    era: 'legacy',
    capabilities: { elicitation: {} },
    logLevel: 'info',
    tell: (method, params) => heard.push([method, params]),
    ask: (method, params) => {
      heard.push([method, params])
      return Promise.resolve(answer)
    },
  })
  return { client, heard }
}

test('a client hears of its own tasks only, under their handles', () => {
  const { client, heard } = listening()
  client.tell('notifications/tasks/status', { taskId: 't1', status: 'completed', y: 2 })
  client.tell('notifications/tasks/status', { taskId: 't2', status: 'completed' })
  client.tell('notifications/tasks/status', undefined)
  client.tell('notifications/message', { data: 'a', _meta: related('t1') })
  client.tell('notifications/message', { data: 'b', _meta: { ...related('t2'), y: 2 } })
  client.tell('notifications/message', { data: 'c', _meta: related('t2') })
  client.tell('notifications/other', undefined)
  expect(heard).toEqual([
    ['notifications/tasks/status', { taskId: handle, status: 'completed', y: 2 }],
    ['notifications/message', { data: 'a', _meta: related(handle) }],
    ['notifications/message', { data: 'b', _meta: { y: 2 } }],
    ['notifications/message', { data: 'c' }],
    ['notifications/other', undefined],
  ])
})

test('a client that is asked sees the handle, and its answer names the task of the server', async () => {
  const { client, heard } = listening({ action: 'accept', _meta: related(handle) })
  const { signal } = new AbortController()
  const answer = await client.ask?.(
    'elicitation/create',
    { message: 'Who?', _meta: related('t1') },
    { signal },
  )
  expect(heard).toEqual([['elicitation/create', { message: 'Who?', _meta: related(handle) }]])
  expect(answer).toEqual({ action: 'accept', _meta: related('t1') })
})

test.each([elsewhere, 't1', 'made-up'])(
  'an answer that names the task %j names none to the server',
  (name) => {
    expect(ids.fromClient({ action: 'accept', _meta: related(name) })).toEqual({ action: 'accept' })
  },
)

test('a client that cannot be asked stays one', () => {
  const plain = ids.client({ era: 'legacy', capabilities: {}, logLevel: undefined, tell: () => undefined })
  expect(plain.ask).toBeUndefined()
})

test('a task that its server lists again and again is listed once', () => {
  const tasksOfServer = Array.from({ length: 100_000 }, () => ({ taskId: 't1' }))
  const asked: string[] = []
  expect(ids.listed(tasksOfServer, (tool) => asked.push(tool) > 0)).toEqual([{ taskId: handle }])
  expect(asked).toEqual(['slow'])
})
