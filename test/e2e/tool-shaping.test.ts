import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Client } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, Server } from '@modelcontextprotocol/server'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { type Documents, startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

type Fields = Record<string, unknown>

const SUM_OF = (a: number, b: number): Fields[] => [
  { type: 'text', text: `The sum of ${a} and ${b} is ${a + b}.` },
]

const shapedBy = (tools: Fields): Documents => ({ calc: { ...everything, tools } })

const ADD_TWO = shapedBy({
  include: ['get-sum', 'echo'],
  'get-sum': {
    name: 'add_two',
    title: 'Add two',
    description: 'Adds two to a number.',
    fixed: { b: 2 },
    defaults: { a: 40 },
    arguments: { number: 'a' },
  },
  echo: { maxResultBytes: 200 },
})

describe('a tool that the operator has renamed, and whose arguments have other names, defaults and fixed values', () => {
  let gateway: TestGateway
  let token: string

  beforeAll(async () => {
    gateway = await startTestGateway(ADD_TWO)
    token = await gateway.token()
  })

  afterAll(() => gateway.close())

  const SCHEMA = {
    type: 'object',
    properties: { number: { type: 'number', description: 'First number', default: 40 } },
  }

  describe.each(['streamable-http', 'modern', 'sse', 'modern-websocket'] as const)('over %s', (kind) => {
    test.each([
      ['among all servers', undefined, 'calc_add_two', 'calc_get-sum'],
      ['at its server alone', 'calc', 'add_two', 'get-sum'],
    ])('%s', async (_where, server, name, ownName) => {
      const client = await connectClient(kind, gateway.url, token, {
        ...(server !== undefined && { server }),
      })
      const { tools } = await client.listTools()
      expect(tools.map((tool) => tool.name)).toEqual(
        [name, server === undefined ? 'calc_echo' : 'echo'].toSorted(),
      )
      expect(tools.find((tool) => tool.name === name)).toMatchObject({
        title: 'Add two',
        description: 'Adds two to a number.',
        annotations: { readOnlyHint: true },
      })
      const schema = tools.find((tool) => tool.name === name)?.inputSchema
      expect(schema).toMatchObject(SCHEMA)
      expect([Object.keys(schema?.properties ?? {}), schema?.required]).toEqual([['number'], undefined])

      expect((await client.callTool({ name, arguments: { number: 3 } })).content).toEqual(SUM_OF(3, 2))
      expect((await client.callTool({ name, arguments: {} })).content).toEqual(SUM_OF(40, 2))
      expect((await client.callTool({ name })).content).toEqual(SUM_OF(40, 2))
      for (const argument of ['b', 'a']) {
        await expect(client.callTool({ name, arguments: { [argument]: 5 } })).rejects.toMatchObject({
          data: {
            code: 'invalid_arguments',
            problems: [`arguments.${argument} cannot be set by callers`],
            mayHaveExecuted: false,
          },
        })
      }
      await expect(client.callTool({ name: ownName, arguments: { number: 3 } })).rejects.toMatchObject({
        data: { code: 'tool_not_found' },
      })
      await client.close()
    })
  })

  test('over REST, where arguments are checked against what callers see', async () => {
    const described = await gateway.rest(token, 'GET', '/v1/tools/calc_add_two')
    expect(described.body).toMatchObject({ id: 'calc_add_two', name: 'calc_add_two', inputSchema: SCHEMA })
    const run = (args: Fields) => gateway.rest(token, 'POST', '/v1/tools/calc_add_two', { arguments: args })
    expect((await run({ number: 3 })).body).toEqual({ content: SUM_OF(3, 2), isError: false })
    expect((await run({})).body).toMatchObject({ content: SUM_OF(40, 2) })
    expect(await run({ number: 3, b: 5 })).toMatchObject({
      status: 422,
      body: { code: 'invalid_arguments', detail: expect.stringMatching(/\bb\b/) },
    })
    expect(await run({ number: 'three' })).toMatchObject({
      status: 422,
      body: { problems: ['arguments.number must be number'] },
    })
    expect((await gateway.rest(token, 'POST', '/v1/tools/calc_get-sum', {})).status).toBe(404)
  })

  test('is recorded as it was called', async () => {
    await gateway.rest(token, 'POST', '/v1/tools/calc_add_two', { arguments: { number: 5 } })
    const auditor = await gateway.token({ roles: ['auditor'] })
    const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?limit=1')
    expect(body['records']).toMatchObject([
      { target: 'calc_add_two', server: 'calc', outcome: 'ok', requestBytes: '{"number":5}'.length },
    ])
  })

  test('gives no result that is larger than it may be, and says so', async () => {
    const echo = (bytes: number) =>
      gateway.rest(token, 'POST', '/v1/tools/calc_echo', { arguments: { message: 'x'.repeat(bytes) } })
    expect((await echo(20)).status).toBe(200)
    expect(await echo(200)).toMatchObject({
      status: 502,
      body: {
        code: 'response_too_large',
        detail: 'The result is larger than 200 bytes, the limit of this tool',
        server: 'calc',
        mayHaveExecuted: true,
      },
    })
    const client = await connectClient('modern', gateway.url, token)
    await expect(
      client.callTool({ name: 'calc_echo', arguments: { message: 'x'.repeat(200) } }),
    ).rejects.toMatchObject({ data: { code: 'response_too_large' } })
    await client.close()
  })
})

describe('an edit of how a tool looks', () => {
  let gateway: TestGateway

  beforeEach(async () => {
    gateway = await startTestGateway(shapedBy({ include: ['get-sum'] }))
  })

  afterEach(() => gateway.close())

  test.each(['streamable-http', 'modern'] as const)(
    'reaches an open %s client with a list_changed, and keeps the process',
    async (kind) => {
      const { client, notices } = await listening(gateway, kind)
      const pid = gateway.gateway.statuses()[0]?.instances[0]?.pid
      const edit = async (tools: Fields): Promise<void> => {
        notices.length = 0
        await gateway.writeRegistry(shapedBy({ include: ['get-sum'], ...tools }))
      }
      const changed = () => eventually(() => notices.length > 0, { what: 'list_changed' })
      const sum = async (name: string, args: Fields): Promise<unknown> =>
        (await client.callTool({ name, arguments: args })).content

      expect(await sum('calc_get-sum', { a: 1, b: 1 })).toEqual(SUM_OF(1, 1))
      await edit({ 'get-sum': { name: 'add', fixed: { b: 2 } } })
      await changed()
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['calc_add'])
      expect(await sum('calc_add', { a: 1 })).toEqual(SUM_OF(1, 2))

      await edit({ 'get-sum': { name: 'add', fixed: { b: 7 } } })
      await eventually(async () => JSON.stringify(await sum('calc_add', { a: 1 })).includes('is 8.'), {
        what: 'the other fixed value',
      })
      expect(notices).toEqual([])

      await edit({})
      await changed()
      expect(await sum('calc_get-sum', { a: 1, b: 1 })).toEqual(SUM_OF(1, 1))
      expect(gateway.gateway.statuses()[0]?.instances[0]?.pid).toBe(pid)
      await client.close()
    },
  )

  test('that cannot be done is told to operators, and what can be done is', async () => {
    await gateway.writeRegistry(
      shapedBy({
        'get-sum': { name: 'echo', fixed: { b: 2 }, defaults: { c: 1 } },
        echo: { arguments: { text: 'message' } },
      }),
    )
    const operator = await gateway.token({ roles: ['operator', 'reader'] })
    await eventually(async () => {
      const { body } = await gateway.rest(operator, 'GET', '/v1/servers')
      const [server] = body['servers'] as { problems: string[] }[]
      return (
        JSON.stringify(server?.problems) ===
        JSON.stringify([
          'tool get-sum: its inputSchema has no argument c, which is named in defaults',
          'tool get-sum: the name echo is already taken by echo',
        ])
      )
    })
    const sum = await gateway.rest(operator, 'POST', '/v1/tools/calc_get-sum', { arguments: { a: 1 } })
    expect(sum.body['content']).toEqual(SUM_OF(1, 2))
    const echo = await gateway.rest(operator, 'POST', '/v1/tools/calc_echo', { arguments: { text: 'hi' } })
    expect(echo.body['content']).toEqual([{ type: 'text', text: 'Echo: hi' }])
  })
})

async function listening(
  gateway: TestGateway,
  kind: 'streamable-http' | 'modern',
): Promise<{ client: Client; notices: string[] }> {
  const client = await connectClient(kind, gateway.url, await gateway.token())
  const notices: string[] = []
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    notices.push('tools')
  })
  if (kind === 'modern') await client.listen({ toolsListChanged: true })
  return { client, notices }
}

describe('arguments that are sent in headers too', () => {
  let upstream: HttpUpstream
  let gateway: TestGateway

  beforeAll(async () => {
    upstream = await regionalServer()
    gateway = await startTestGateway({
      regional: {
        transport: 'streamable-http',
        url: upstream.url,
        tools: { where: { arguments: { place: 'region' }, fixed: { tier: 'gold' } } },
      },
    })
  })

  afterAll(async () => {
    await gateway.close()
    await upstream.close()
  })

  test('are in the headers that the server and the client each expect', async () => {
    const client = await connectClient('modern', gateway.url, await gateway.token())
    const { tools } = await client.listTools()
    expect(tools[0]?.inputSchema).toEqual({
      type: 'object',
      properties: { place: { type: 'string', 'x-mcp-header': 'Region' } },
      required: ['place'],
    })
    const { structuredContent } = await client.callTool({
      name: 'regional_where',
      arguments: { place: 'eu' },
    })
    expect(structuredContent).toEqual({ region: 'eu', tier: 'gold' })
    expect(upstream.seen.at(-1)?.headers).toMatchObject({
      'mcp-param-region': 'eu',
      'mcp-param-tier': 'gold',
    })
    await client.close()
  })
})

/** A modern server with one tool, which gives back its arguments. */
function regionalServer(): Promise<HttpUpstream> {
  const marked = (header: string): Fields => ({ type: 'string', 'x-mcp-header': header })
  const tool = {
    name: 'where',
    inputSchema: {
      type: 'object',
      properties: { region: marked('Region'), tier: marked('Tier') },
      required: ['region', 'tier'],
    },
  }
  const answer = toNodeHandler(
    createMcpHandler(
      () => {
        const server = new Server({ name: 'regional', version: '1' }, { capabilities: { tools: {} } })
        server.fallbackRequestHandler = ({ method, params }) =>
          Promise.resolve(
            method === 'tools/list'
              ? { tools: [tool] }
              : { content: [], structuredContent: params?.['arguments'] },
          )
        return server
      },
      { legacy: 'reject' },
    ),
  )
  return listen((request, response) =>
    answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
  )
}
