import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { approvalIn } from '../../support/approval-world.ts'
import { eventually } from '../../support/eventually.ts'
import type { RawConversation, RawMessage } from '../../support/raw-conversation.ts'
import { ask, part, startTaskWorld, TASK, type TaskWorld } from '../../support/task-world.ts'

type Fields = Record<string, unknown>

let world: TaskWorld

beforeAll(async () => {
  world = await startTaskWorld()
  await world.setLegacyTools({ slow: { approval: 'caller' } })
})
afterAll(() => world.close())

const start = (client: RawConversation, given: Fields): Promise<RawMessage> =>
  ask(client, 'tools/call', { name: 'legacy_slow', arguments: given, task: TASK })

const codeOf = ({ error }: RawMessage): unknown => (error?.data as Fields | undefined)?.['code']

async function answer(message: RawMessage, verdict: 'approve' | 'deny'): Promise<void> {
  const token = await world.gateway.token({ subject: 'bob', roles: ['approver'] })
  const id = approvalIn(message.error?.data as Fields)
  expect(await world.gateway.rest(token, 'POST', `/v1/approvals/${id}/${verdict}`, {})).toMatchObject({
    status: 200,
  })
}

test('a call of a marked tool that is to be a task becomes one only with a yes, which is used up', async () => {
  const client = await world.converse('streamable-http', { subject: 'ann' })
  const refused = await eventually(async () => {
    const message = await start(client, { of: 'ann' })
    return codeOf(message) === 'approval_required' && message
  })
  const tasksBefore = world.legacy.tasks.size
  expect(codeOf(await start(client, { of: 'ann' }))).toBe('approval_required')
  expect(world.legacy.tasks.size).toBe(tasksBefore)

  await answer(refused, 'approve')
  const stranger = await world.converse('streamable-http', { subject: 'eve' })
  expect(codeOf(await start(stranger, { of: 'ann' }))).toBe('approval_required')
  const taskId = String(part(await start(client, { of: 'ann' }), 'task')['taskId'])
  expect(world.legacy.tasks.size).toBe(tasksBefore + 1)

  // What is asked about the task that runs needs no further yes.
  expect((await ask(client, 'tasks/get', { taskId })).error).toBeUndefined()
  expect(codeOf(await start(client, { of: 'ann' }))).toBe('approval_required')
  expect(world.legacy.tasks.size).toBe(tasksBefore + 1)
  await world.closeConversations()
})

test('a no ends it, and nothing becomes a task', async () => {
  const client = await world.converse('streamable-http', { subject: 'ann' })
  const tasksBefore = world.legacy.tasks.size
  const refused = await start(client, { of: 'denied' })
  await answer(refused, 'deny')
  expect(codeOf(await start(client, { of: 'denied' }))).toBe('approval_denied')
  expect(world.legacy.tasks.size).toBe(tasksBefore)
  await world.closeConversations()
})
