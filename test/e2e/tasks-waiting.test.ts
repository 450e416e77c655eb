import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import type { RawMessage } from '../support/raw-conversation.ts'
import { ask, legacyTask, newest, startTaskWorld, type TaskWorld } from '../support/task-world.ts'

let world: TaskWorld

beforeAll(async () => {
  world = await startTaskWorld({ maxConcurrency: 8, pool: { queueTimeoutMs: 1000 } })
})

afterEach(() => world.closeConversations())

afterAll(() => world.close())

/** How many requests for a result have reached the server. */
function asked(): number {
  return world.legacy.heard.filter(({ method }) => method === 'tasks/result').length
}

test('waits for the results of tasks leave permits of the server to all other calls, and end with their tasks', async () => {
  const ann = await world.converse('streamable-http', { subject: 'ann' })
  const bob = await world.converse('streamable-http', { subject: 'bob' })
  const eve = await world.converse('streamable-http', { tenantId: 'other' })
  const taskId = await legacyTask(ann)
  const own = newest(world.legacy)
  const bobs = await legacyTask(bob)
  const bobsOwn = newest(world.legacy)
  const evesOwn = await legacyTask(eve)
  const refused: RawMessage[] = []
  const results: RawMessage[] = []
  const wait = (client: typeof ann, id: string): void => {
    void ask(client, 'tasks/result', { taskId: id }).then((answer) =>
      (answer.error === undefined ? results : refused).push(answer),
    )
  }
  for (let count = 0; count < 8; count += 1) wait(ann, taskId)
  await eventually(() => refused.length === 6 && asked() === 2, { what: 'two waits of eight' })
  expect(refused[0]?.error).toMatchObject({
    code: -31004,
    message: 'Server legacy keeps its other permits for calls that do not wait for a task',
    data: { code: 'upstream_busy', retryable: true, server: 'legacy', mayHaveExecuted: false },
  })
  for (let count = 0; count < 8; count += 1) wait(bob, bobs)
  await eventually(() => refused.length === 12 && asked() === 4, { what: 'two more of another caller' })
  wait(eve, evesOwn)
  await eventually(() => refused.length === 13, { what: 'no fifth wait' })
  const calls = [ann, bob, eve, eve].map((client) =>
    ask(client, 'tools/call', { name: 'legacy_slow', arguments: {} }),
  )
  for (const { error, result } of await Promise.all(calls))
    expect(error ?? result).toEqual({ content: [{ type: 'text', text: 'at once' }] })
  expect((await ask(ann, 'tasks/get', { taskId })).result).toMatchObject({ status: 'working' })
  for (const id of [own, bobsOwn]) world.legacy.finish(id, { content: [] })
  await eventually(() => results.length === 4, { what: 'the results of all waits' })
  expect((await ask(ann, 'tasks/result', { taskId })).result).toMatchObject({ content: [] })
})
