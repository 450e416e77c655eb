import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Client } from '@modelcontextprotocol/client'
import { everything as program } from '../support/documents.ts'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, type ClientKind, TRANSPORTS } from '../support/mcp-clients.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway

beforeEach(async () => {
  gateway = await startTestGateway({ first: everything })
})

afterEach(() => gateway.close())

async function listening(kind: ClientKind, token: string): Promise<{ client: Client; notices: string[] }> {
  const client = await connectClient(kind, gateway.url, token)
  const notices: string[] = []
  for (const list of ['tools', 'prompts', 'resources'] as const) {
    client.setNotificationHandler(`notifications/${list}/list_changed`, () => {
      notices.push(list)
    })
  }
  if (kind.startsWith('modern')) {
    await client.listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true })
  }
  return { client, notices }
}

async function serversListed(client: Client): Promise<string[]> {
  const { tools } = await client.listTools()
  return [...new Set(tools.map(({ name }) => name.split('_')[0] ?? ''))]
}

test('open clients of every transport see a server that is added, and one whose roles change, after a list_changed and without a reconnect', async () => {
  const token = await gateway.token()
  const open = await Promise.all(TRANSPORTS.map((kind) => listening(kind, token)))
  const listed = async (): Promise<Record<string, string[]>> => {
    const servers = await Promise.all(open.map(({ client }) => serversListed(client)))
    return Object.fromEntries(TRANSPORTS.map((kind, index) => [kind, servers[index] ?? []]))
  }
  const allOf = (servers: string[]): Record<string, string[]> => ({
    sse: servers,
    'streamable-http': servers,
    modern: servers,
    websocket: servers,
    'modern-websocket': servers,
  })
  expect(await listed()).toEqual(allOf(['first']))

  await gateway.writeRegistry({ first: everything, second: everything })
  for (const { notices } of open)
    await eventually(() => notices.includes('tools') && notices.includes('prompts'), { what: 'list_changed' })
  expect(await listed()).toEqual(allOf(['first', 'second']))

  for (const { notices } of open) notices.length = 0
  await gateway.writeRegistry({ first: { ...everything, requiredRoles: ['admin'] }, second: everything })
  for (const { notices } of open)
    await eventually(() => notices.includes('tools'), { what: 'list_changed after the roles' })
  expect(await listed()).toEqual(allOf(['second']))
  await Promise.all(open.map(({ client }) => client.close()))
})

test('a client whose view did not change hears nothing', async () => {
  const reader = await listening('sse', await gateway.token())
  const stranger = await listening('sse', await gateway.token({ roles: ['nobody'] }))
  await gateway.writeRegistry({ first: { ...everything, tools: { exclude: ['echo'] } } })
  await eventually(() => reader.notices.includes('tools'), { what: 'list_changed' })
  expect(stranger.notices).toEqual([])
  expect(reader.notices).toEqual(['tools'])
  await Promise.all([reader.client.close(), stranger.client.close()])
})

test('a caller whose role is no longer enough is refused at the next call', async () => {
  const { client, notices } = await listening('sse', await gateway.token())
  await gateway.writeRegistry({ first: { ...everything, requiredRoles: ['admin'] } })
  await eventually(() => notices.includes('tools'))
  await expect(client.callTool({ name: 'first_echo', arguments: { message: 'x' } })).rejects.toMatchObject({
    data: { code: 'tool_not_found' },
  })
  await client.close()
})

test('an edit of access rules and texts keeps the process, and its calls in flight, running', async () => {
  const pid = gateway.gateway.statuses()[0]?.instances[0]?.pid
  const { client, notices } = await listening('sse', await gateway.token())
  const call = client.callTool({
    name: 'first_trigger-long-running-operation',
    arguments: { duration: 1.5, steps: 3 },
  })
  await gateway.writeRegistry({
    first: {
      ...everything,
      requiredRoles: ['reader', 'other'],
      tools: { echo: { description: 'says it again' } },
    },
  })
  await eventually(() => notices.includes('tools'))
  const echo = (await client.listTools()).tools.find(({ name }) => name === 'first_echo')
  expect(echo?.description).toBe('says it again')
  expect(JSON.stringify((await call).content)).toContain('Long running operation completed')
  expect(gateway.gateway.statuses()[0]?.instances[0]?.pid).toBe(pid)
  await client.close()
})

test('a server whose command line changes is replaced, and the call in flight on the old one finishes', async () => {
  const pid = gateway.gateway.statuses()[0]?.instances[0]?.pid
  const { client } = await listening('sse', await gateway.token())
  const call = client.callTool({
    name: 'first_trigger-long-running-operation',
    arguments: { duration: 1.5, steps: 3 },
  })
  await gateway.writeRegistry({ first: { ...program, env: { MARK: 'new' } } })
  const next = await eventually(() => {
    const status = gateway.gateway.statuses()[0]
    const current = status?.instances[0]?.pid
    return status?.state === 'ready' && current !== pid && current
  })
  expect(next).not.toBe(pid)
  expect(JSON.stringify((await call).content)).toContain('Long running operation completed')
  const env = await client.callTool({ name: 'first_get-env', arguments: {} })
  expect(JSON.stringify(env.content)).toMatch(/MARK\W+new/)
  await client.close()
})

test('a document that is not valid is quarantined with its reason, and the others go on', async () => {
  const operator = await gateway.token({ roles: ['operator', 'reader'] })
  await gateway.writeRegistry({
    first: everything,
    broken: { transport: 'stdio', command: 'x', args: 'not-a-list', requiredRoles: ['reader'] },
  })
  const { body } = await eventually(async () => {
    const answer = await gateway.rest(operator, 'GET', '/v1/servers')
    return (answer.body['quarantined'] as unknown[]).length === 1 && answer
  })
  expect(body['quarantined']).toEqual([
    expect.objectContaining({ name: 'broken', tenantId: 'local', reason: expect.stringContaining('args') }),
  ])
  expect(body['servers']).toEqual([expect.objectContaining({ name: 'first', state: 'ready' })])
})
