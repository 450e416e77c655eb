import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    open: { ...everything, requiredRoles: undefined },
    roled: { ...everything, requiredRoles: ['writer'], tools: { 'get-*': { requiredRoles: ['admin'] } } },
    agented: { ...everything, requiredRoles: undefined, agentAllowlist: ['planner'] },
    foreign: { ...everything, requiredRoles: undefined, tenantId: 'other' },
  })
})

afterAll(() => gateway.close())

async function serversSeen(token: string, headers: Record<string, string> = {}): Promise<string[]> {
  const { body } = await gateway.rest(token, 'GET', '/v1/tools?limit=1000', undefined, headers)
  return [...new Set((body['tools'] as { server: string }[]).map(({ server }) => server))]
}

test('roles, agents and tenants see different lists', async () => {
  expect(await serversSeen(await gateway.token({ roles: [] }))).toEqual(['open'])
  expect(await serversSeen(await gateway.token({ roles: ['writer'] }))).toEqual(['open', 'roled'])
  expect(await serversSeen(await gateway.token({ roles: [], agent: 'planner' }))).toEqual(['agented', 'open'])
  expect(await serversSeen(await gateway.token({ roles: ['writer', 'admin'], tenantId: 'other' }))).toEqual([
    'foreign',
  ])
})

test('a tool of a visible server can need more roles than the server', async () => {
  const names = async (roles: string[]): Promise<string[]> => {
    const { body } = await gateway.rest(
      await gateway.token({ roles }),
      'GET',
      '/v1/tools?server=roled&limit=1000',
    )
    return (body['tools'] as { id: string }[]).map(({ id }) => id)
  }
  expect(await names(['writer'])).not.toContain('roled_get-sum')
  expect(await names(['writer', 'admin'])).toContain('roled_get-sum')
})

test('the agent header narrows to a name that the token lists, and to no other', async () => {
  const token = await gateway.token({ roles: [], agent: 'lead', agents: ['planner', 'coder'] })
  expect(await serversSeen(token, { 'x-agent-name': 'planner' })).toEqual(['agented', 'open'])
  expect(await serversSeen(token, { 'x-agent-name': 'coder' })).toEqual(['open'])
  const refused = await gateway.rest(token, 'GET', '/v1/tools', undefined, { 'x-agent-name': 'root' })
  expect(refused).toMatchObject({ status: 403, body: { code: 'agent_not_allowed' } })
})

test('a tool outside the view gets the same answer as one that does not exist, and the record tells them apart', async () => {
  const token = await gateway.token({ roles: [] })
  const ask = async (name: string): Promise<string> => {
    const client = await connectClient('streamable-http', gateway.url, token)
    const failure = await client.callTool({ name, arguments: { message: 'x' } }).then(
      () => undefined,
      (error: { code: number; message: string; data: unknown }) => error,
    )
    await client.close()
    return JSON.stringify([failure?.code, failure?.message, failure?.data]).replaceAll(name, 'NAME')
  }
  const denied = await ask('roled_echo')
  expect(denied).toBe(await ask('roled_nope'))
  expect(denied).toBe(await ask('foreign_echo'))
  expect(denied).toContain('Unknown tool: NAME')

  const auditor = await gateway.token({ roles: ['auditor'] })
  const records = await eventually(async () => {
    const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?outcome=denied&limit=1000')
    const found = body['records'] as Record<string, unknown>[]
    return found.filter(({ target }) => target === 'roled_echo').length === 1 && found.length >= 3 && found
  })
  const shown = records.map(({ target, server, effect, ruleId, outcome, instance }) => ({
    target,
    server,
    effect,
    ruleId,
    outcome,
    instance,
  }))
  const denial = { effect: 'deny', outcome: 'denied', instance: null }
  expect(shown).toContainEqual({ ...denial, target: 'roled_echo', server: 'roled', ruleId: 'server-roles' })
  expect(shown).toContainEqual({ ...denial, target: 'roled_nope', server: null, ruleId: 'unknown-target' })
  expect(shown).toContainEqual({ ...denial, target: 'foreign_echo', server: null, ruleId: 'unknown-target' })
})

test('a session belongs to the principal that opened it: to anybody else, even a narrower token, it does not exist', async () => {
  const open = async (token: string): Promise<string> => {
    const response = await fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: mcpHeaders(token),
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
      }),
    })
    await response.text()
    return response.headers.get('mcp-session-id') ?? ''
  }
  const ask = (token: string, session: string, method = 'POST'): Promise<Response> =>
    fetch(`${gateway.url}/mcp`, {
      method,
      headers: { ...mcpHeaders(token), 'mcp-session-id': session },
      ...(method === 'POST' && { body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' }) }),
    })
  const owner = await gateway.token({ roles: ['reader', 'writer'] })
  const session = await open(owner)
  const strangers = [
    await gateway.token({ subject: 'bob', roles: ['reader', 'writer'] }),
    await gateway.token({ roles: ['reader'] }),
    await gateway.token({ roles: ['reader', 'writer'], tenantId: 'other' }),
  ]
  for (const stranger of strangers) {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await ask(stranger, session, method)
      expect([answer.status, await answer.text()]).toEqual([
        404,
        `{"jsonrpc":"2.0","id":${method === 'POST' ? 2 : null},"error":{"code":-31012,"message":"Unknown session","data":{"code":"session_not_found","retryable":false}}}`,
      ])
    }
  }
  expect((await ask(owner, session)).status).toBe(200)
})

function mcpHeaders(token: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
}
