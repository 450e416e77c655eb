import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let upstream: HttpUpstream
let gateway: TestGateway
let operator: string

beforeAll(async () => {
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  gateway = await startTestGateway({
    mail: { ...server, requiredRoles: ['reader', 'writer'] },
    other: server,
  })
  operator = await gateway.token({ roles: ['operator'] })
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

interface Open {
  readonly label: string
  readonly notices: string[]
  readonly tools: () => Promise<string[]>
}

async function open(who: Parameters<TestGateway['token']>[0]): Promise<Open> {
  const notices: string[] = []
  const client = await connectClient('streamable-http', gateway.url, await gateway.token(who), {
    prepare: (prepared) =>
      prepared.setNotificationHandler('notifications/tools/list_changed', () => {
        notices.push('tools')
      }),
  })
  const tools = async (): Promise<string[]> => (await client.listTools()).tools.map(({ name }) => name)
  const label = (await labels(operator)).find((each) => !known.has(each)) ?? 'of another tenant'
  known.add(label)
  return { label, notices, tools }
}

/** The sessions that were opened before. */
const known = new Set<string>()

async function labels(as: string): Promise<string[]> {
  const { body } = await gateway.rest(as, 'GET', '/v1/sessions')
  return (body['sessions'] as { id: string }[]).map(({ id }) => id)
}

test('an edit that is simulated names exactly the sessions that then change, with the tools that they gain and lose', async () => {
  const sessions = {
    reader: await open({ roles: ['reader'] }),
    writer: await open({ roles: ['writer'] }),
    both: await open({ roles: ['reader', 'writer'] }),
    planner: await open({ roles: ['writer'], agent: 'planner' }),
    stranger: await open({ roles: [] }),
    elsewhere: await open({ roles: ['reader'], tenantId: 'globex' }),
  }
  const before = Object.fromEntries(
    await Promise.all(
      Object.entries(sessions).map(async ([who, { tools }]) => [who, await tools()] as const),
    ),
  )
  const { body: stored, headers } = await gateway.rest(operator, 'GET', '/v1/servers/mail')
  const document = {
    ...(stored['document'] as object),
    requiredRoles: ['writer'],
    tools: { 'e*': { agentAllowlist: ['planner'] } },
  }
  const { status, body } = await gateway.rest(operator, 'POST', '/v1/access:simulate', {
    changes: [{ document }],
  })
  const told = body['sessions'] as { id: string; gained: string[]; lost: string[]; lists: string[] }[]

  expect(status).toBe(200)
  expect(body).toMatchObject({
    documents: [
      {
        document: 'servers/local/mail',
        change: 'changed',
        fields: ['requiredRoles', 'tools'],
        toolsUnknown: false,
      },
    ],
    roles: [{ role: 'reader', gained: [], lost: expect.arrayContaining(['mail_echo', 'mail_big']) }],
    agents: [{ agent: null, gained: [], lost: ['mail_echo', 'mail_env', 'mail_exotic'] }],
    sessionsLeftOut: 0,
  })
  for (const { notices } of Object.values(sessions)) expect(notices).toEqual([])

  const saved = await gateway.rest(operator, 'PUT', '/v1/servers/mail', document, {
    'if-match': String(headers.get('etag')),
  })
  expect(saved.status).toBe(200)
  const named = new Set(told.map(({ id }) => id))
  for (const { label, notices } of Object.values(sessions).filter(({ label: each }) => named.has(each)))
    await eventually(() => notices.length > 0, { what: `list_changed of ${label}` })

  for (const [who, { label, tools, notices }] of Object.entries(sessions)) {
    const after = await tools()
    const change = told.find(({ id }) => id === label)
    expect([who, change?.gained ?? []]).toEqual([who, after.filter((name) => !before[who]?.includes(name))])
    expect([who, change?.lost ?? []]).toEqual([who, before[who]?.filter((name) => !after.includes(name))])
    expect([who, notices.length > 0]).toEqual([who, change !== undefined])
  }
  expect(Object.keys(sessions).filter((who) => named.has(sessions[who as 'reader'].label))).toEqual([
    'reader',
    'writer',
    'both',
  ])
})

test('what could not be saved is refused as saving it would be, and nothing is saved', async () => {
  const simulate = async (change: object): Promise<{ status: number; body: Record<string, unknown> }> =>
    gateway.rest(operator, 'POST', '/v1/access:simulate', { changes: [change] })
  expect(await simulate({ document: { name: 'new', transport: 'sse', url: 'x' } })).toMatchObject({
    status: 422,
    body: { code: 'invalid_document' },
  })
  expect(
    await simulate({ document: { name: 'new', tenantId: '*', transport: 'sse', url: upstream.url } }),
  ).toMatchObject({ status: 403 })
  expect(await simulate({ remove: 'nosuch' })).toMatchObject({
    status: 404,
    body: { code: 'server_not_found' },
  })
  expect(await simulate({ document: { name: 'new', transport: 'sse', url: upstream.url } })).toMatchObject({
    status: 200,
    body: { documents: [{ document: 'servers/local/new', change: 'added', toolsUnknown: true }] },
  })
  expect((await gateway.rest(operator, 'GET', '/v1/servers/new')).status).toBe(404)
})

test('removing a server takes its tools from everybody who has them', async () => {
  const { body } = await gateway.rest(operator, 'POST', '/v1/access:simulate', {
    changes: [{ remove: 'other' }],
  })
  expect(body).toMatchObject({
    documents: [{ document: 'servers/local/other', change: 'removed' }],
    roles: expect.arrayContaining([{ role: null, gained: [], lost: expect.arrayContaining(['other_echo']) }]),
  })
})

test('open sessions are listed for operators, with where they came from, and end when they are ended', async () => {
  const token = await gateway.token({ subject: 'carl' })
  const { label, tools } = await open({ subject: 'carl' })
  expect(await labels(operator)).toContain(label)
  expect(await labels(token)).toEqual([label])
  const { body } = await gateway.rest(token, 'GET', '/v1/sessions')
  expect(body['sessions']).toMatchObject([{ id: label, subject: 'carl', address: '127.0.0.1' }])
  expect(await labels(await gateway.token({ subject: 'dora' }))).toEqual([])
  const path = `/v1/sessions/${label}`
  expect((await gateway.rest(await gateway.token({ subject: 'dora' }), 'DELETE', path)).status).toBe(404)
  expect((await gateway.rest(operator, 'DELETE', path)).status).toBe(204)
  expect(await labels(operator)).not.toContain(label)
  await expect(tools()).rejects.toThrow(/session/i)
})
