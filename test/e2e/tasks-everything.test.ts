import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CallToolResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({ everything })
})

afterAll(() => gateway.close())

async function connect(subject: string): Promise<{ client: Client; asked: unknown[] }> {
  const client = new Client({ name: 'first', version: '1' }, { capabilities: { elicitation: {} } })
  const asked: unknown[] = []
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params)
    return { action: 'accept', content: { interpretation: 'snake' } }
  })
  const requestInit = { headers: { authorization: `Bearer ${await gateway.token({ subject })}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', gateway.url), { requestInit }))
  return { client, asked }
}

test("a task of a real server over stdio runs, asks and ends through the SDK, and is nobody else's", async () => {
  const ann = await connect('ann')
  const bob = await connect('bob')
  const { tools } = await ann.client.listTools()
  const name = 'everything_simulate-research-query'
  expect(tools.find((tool) => tool.name === name)?.execution).toEqual({ taskSupport: 'required' })
  const { tasks } = ann.client.experimental
  const call = { name, arguments: { topic: 'python', ambiguous: true } }
  const { task } = await ann.client.request(
    { method: 'tools/call', params: { ...call, task: {} } },
    CreateTaskResultSchema,
  )
  const { taskId } = task
  expect((await tasks.listTasks()).tasks).toMatchObject([{ taskId, status: 'working' }])
  const his = bob.client.experimental.tasks
  expect((await his.listTasks()).tasks).toEqual([])
  await expect(his.getTask(taskId)).rejects.toMatchObject({ code: -32602 })
  await expect(his.cancelTask(taskId)).rejects.toMatchObject({ code: -32602 })
  await expect(his.getTaskResult(taskId)).rejects.toMatchObject({ code: -32602 })
  await eventually(async () => (await tasks.getTask(taskId)).status === 'input_required')
  const { content } = await tasks.getTaskResult(taskId, CallToolResultSchema)
  const { status } = await tasks.getTask(taskId)
  expect(status).toBe('completed')
  expect(taskId).toMatch(/^[\w-]{40,}$/)
  expect(ann.asked).toMatchObject([{ _meta: { 'io.modelcontextprotocol/related-task': { taskId } } }])
  expect(JSON.stringify(content)).toContain('python (snake)')
  expect(bob.asked).toEqual([])
  await Promise.all([ann.client.close(), bob.client.close()])
})
