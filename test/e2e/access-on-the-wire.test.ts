import type { IncomingMessage, ServerResponse } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { CONVERSATIONS, openConversation } from '../support/raw-conversation.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

type Fields = Record<string, unknown>

/** The rules of each server in the words of the documentation. */
interface Rules {
  readonly tenantId: string
  readonly enabled: boolean
  readonly anyOf?: readonly string[]
  readonly allOf?: readonly string[]
  readonly agents?: readonly string[]
}

const SERVERS: Readonly<Record<string, Rules>> = {
  open: { tenantId: 'acme', enabled: true },
  viewers: { tenantId: 'acme', enabled: true, anyOf: ['viewer', 'owner'] },
  twofold: { tenantId: 'acme', enabled: true, allOf: ['viewer', 'admin'] },
  desk: { tenantId: 'acme', enabled: true, agents: ['desk'] },
  nobody: { tenantId: 'acme', enabled: true, agents: [] },
  switchedoff: { tenantId: 'acme', enabled: false },
  abroad: { tenantId: 'globex', enabled: true },
  shared: { tenantId: '*', enabled: true, anyOf: ['admin', 'viewer'] },
}
const ROLES = [[], ['viewer'], ['admin'], ['viewer', 'admin']]
const TRANSPORTS = ['rest', ...CONVERSATIONS] as const
const OPERATIONS = ['call', 'read', 'get'] as const

/** Callers of a transport, such that each two of transport, tenant, roles and agent come together in one of them. */
const CASES = TRANSPORTS.flatMap((transport, at) =>
  ROLES.map((roles, number) => ({
    transport,
    roles,
    tenantId: (number + at) % 2 === 0 ? 'acme' : 'globex',
    agent: (number + Math.floor(at / 2)) % 2 === 0 ? 'desk' : 'phone',
  })),
)
type Case = (typeof CASES)[number]

function mayUse({ tenantId, roles, agent }: Case, rules: Rules): boolean {
  return (
    rules.enabled &&
    (rules.tenantId === '*' || rules.tenantId === tenantId) &&
    (rules.anyOf === undefined || rules.anyOf.some((role) => roles.includes(role))) &&
    (rules.allOf === undefined || rules.allOf.every((role) => roles.includes(role))) &&
    (rules.agents === undefined || rules.agents.includes(agent))
  )
}

let upstream: HttpUpstream
let gateway: TestGateway
/** Which server was sent what, as `open call`. */
const sent: string[] = []

beforeAll(async () => {
  upstream = await listen(answer)
  const documents = Object.entries(SERVERS).map(([name, { tenantId, enabled, anyOf, allOf, agents }]) => {
    const url = upstream.url.replace('/mcp', `/${name}`)
    const requiredRoles = anyOf ?? (allOf && { allOf })
    const document = { transport: 'streamable-http', era: 'legacy', url, tenantId, enabled }
    return [
      name,
      { ...document, ...(requiredRoles && { requiredRoles }), ...(agents && { agentAllowlist: agents }) },
    ]
  })
  gateway = await startTestGateway(Object.fromEntries(documents) as Record<string, Fields>)
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

/** A server of each path, whose tool, resource and prompt say which one answered. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = request.url?.slice(1) ?? ''
  const body = await textOf(request)
  const { id, method, params } = (body === '' ? {} : JSON.parse(body)) as {
    id?: unknown
    method?: string
    params?: Fields
  }
  if (id === undefined) return void response.writeHead(202).end()
  const results: Record<string, Fields> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {}, resources: {}, prompts: {} },
      serverInfo: { name, version: '1' },
    },
    'tools/list': { tools: [{ name: 'say', inputSchema: { type: 'object' } }] },
    'resources/list': { resources: [{ uri: `${name}://doc`, name: 'doc' }] },
    'resources/templates/list': { resourceTemplates: [] },
    'prompts/list': { prompts: [{ name: 'greet' }] },
    'tools/call': { content: [{ type: 'text', text: name }] },
    'resources/read': { contents: [{ uri: params?.['uri'], text: name }] },
    'prompts/get': { messages: [{ role: 'user', content: { type: 'text', text: name } }] },
  }
  if (/\/(call|read|get)$/.test(method ?? '')) sent.push(`${name} ${method?.split('/')[1]}`)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method ?? ''] ?? {} }))
}

interface Client {
  /** The answer to one operation at one server, without what differs in every answer; undefined if it was allowed. */
  readonly use: (operation: (typeof OPERATIONS)[number], server: string) => Promise<string | undefined>
  /** The servers that each of the three lists has. */
  readonly lists: () => Promise<string[][]>
  readonly close: () => Promise<void>
}

const OF_MCP = {
  call: (server: string) => ['tools/call', { name: `${server}_say`, arguments: {} }] as const,
  read: (server: string) => ['resources/read', { uri: `${server}://doc` }] as const,
  get: (server: string) => ['prompts/get', { name: `${server}_greet` }] as const,
}
type RestRequest = readonly [method: string, path: string, body?: Fields]

const OF_REST: Readonly<Record<(typeof OPERATIONS)[number], (server: string) => RestRequest>> = {
  call: (server) => ['POST', `/v1/tools/${server}_say`, { arguments: {} }],
  read: (server) => ['GET', `/v1/resources?uri=${server}://doc`],
  get: (server) => ['POST', `/v1/prompts/${server}_greet`, {}],
}

async function clientOf({ transport, ...who }: Case): Promise<Client> {
  const token = await gateway.token(who)
  if (transport === 'rest') return restClient(token)
  const conversation = await openConversation(transport, gateway.url, token)
  let last = 0
  const ask = (method: string, params: Fields = {}): ReturnType<typeof conversation.call> =>
    conversation.call((last += 1), method, params)
  return {
    use: async (operation, server) => {
      const [method, params] = OF_MCP[operation](server)
      const { error } = await ask(method, params)
      return error && JSON.stringify(error).replaceAll(server, 'NAME')
    },
    lists: async () => {
      const [tools, resources, prompts] = [
        await ask('tools/list'),
        await ask('resources/list'),
        await ask('prompts/list'),
      ]
      return [
        serversIn(tools.result?.['tools'], 'name', '_'),
        serversIn(resources.result?.['resources'], 'uri', ':'),
        serversIn(prompts.result?.['prompts'], 'name', '_'),
      ]
    },
    close: () => conversation.close(),
  }
}

function restClient(token: string): Client {
  return {
    use: async (operation, server) => {
      const { status, body } = await gateway.rest(token, ...OF_REST[operation](server))
      const { requestId: _id, ...same } = body
      return status === 200 ? undefined : JSON.stringify({ status, ...same }).replaceAll(server, 'NAME')
    },
    lists: async () => {
      const [tools, resources, prompts] = await Promise.all(
        ['/v1/tools', '/v1/resources', '/v1/prompts'].map((path) => gateway.rest(token, 'GET', path)),
      )
      return [
        serversIn(tools?.body['tools'], 'id', '_'),
        serversIn(resources?.body['resources'], 'uri', ':'),
        serversIn(prompts?.body['prompts'], 'id', '_'),
      ]
    },
    close: () => Promise.resolve(),
  }
}

/** The servers of our own in a list. */
function serversIn(items: unknown, field: string, end: string): string[] {
  const names = (items as Fields[]).map((item) => String(item[field]).split(end)[0] ?? '')
  return names.filter((name) => name in SERVERS).toSorted()
}

test('the cases have each two of transport, tenant, roles and agent', () => {
  const pairs = new Set(
    CASES.flatMap(({ transport, tenantId, roles, agent }) => {
      const values = [transport, tenantId, roles.join(), agent]
      return values.flatMap((one, at) => values.slice(at + 1).map((other) => `${one} ${other}`))
    }),
  )
  // Of 6, 2, 4 and 2 values: 12 + 24 + 12 + 8 + 4 + 8.
  expect(pairs.size).toBe(68)
})

describe.each(CASES)('over $transport a caller of $tenantId with the roles $roles as $agent', (given) => {
  test('uses and sees exactly what the rules allow, and is told the same of all else', async () => {
    const client = await clientOf(given)
    const allowed = Object.keys(SERVERS)
      .filter((name) => mayUse(given, SERVERS[name] ?? { tenantId: '', enabled: false }))
      .toSorted()
    expect(await client.lists()).toEqual([allowed, allowed, allowed])
    for (const operation of OPERATIONS) {
      sent.splice(0)
      const unknown = await client.use(operation, 'zzzzzzzz')
      expect(unknown).toMatch(/not_found/)
      const answers: Record<string, string | undefined> = {}
      for (const name of Object.keys(SERVERS)) answers[name] = await client.use(operation, name)
      expect(answers).toEqual(
        Object.fromEntries(
          Object.keys(SERVERS).map((name) => [name, allowed.includes(name) ? undefined : unknown]),
        ),
      )
      expect(sent.toSorted()).toEqual(allowed.map((name) => `${name} ${operation}`))
    }
    await client.close()
  })
})
