import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

const ISSUER = 'https://id.example.com'

let upstream: HttpUpstream
let gateway: TestGateway
let operator: string

beforeAll(async () => {
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', tenantId: 'acme', url: upstream.url }
  gateway = await startTestGateway(
    {
      tickets: {
        ...server,
        requiredRoles: ['support'],
        tools: { 'e*': { requiredRoles: { allOf: ['support', 'writer'] } } },
      },
      desk: { ...server, agentAllowlist: ['planner'] },
      off: { ...server, enabled: false },
      down: { ...server, url: 'http://127.0.0.1:1/mcp?key=hunter2' },
      open: { ...server, tools: { big: { scopes: ['big'] } } },
      busy: { ...server, tenantId: 'initech' },
    },
    {
      wait: false,
      env: { OIDC_ISSUER: ISSUER, OIDC_TENANTS: 'acme', LOCAL_ISSUER: 'on' },
      tenants: { acme: {}, globex: {}, initech: { quotas: { callsPerDay: 1 } } },
    },
  )
  operator = await gateway.token({ tenantId: 'acme', roles: ['operator'] })
  await eventually(
    () => {
      const states = gateway.gateway.statuses().map(({ state }) => state)
      return states.filter((state) => state === 'ready').length === 4 && states.includes('backing_off')
    },
    { what: 'four ready servers, and one that is down' },
  )
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

async function explain(token: string, body: object): Promise<Record<string, unknown>> {
  const answer = await gateway.rest(token, 'POST', '/v1/access:explain', body)
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  return answer.body
}

describe('operators are told document, field and value:', () => {
  test('wrong role', async () => {
    expect(await explain(operator, { tool: 'tickets_echo', principal: { roles: ['reader'] } })).toMatchObject(
      {
        effect: 'deny',
        ruleId: 'server-roles',
        callable: false,
        principal: { tenantId: 'acme', agent: null, roles: ['reader'] },
        target: { kind: 'tool', name: 'tickets_echo', server: 'tickets', tenantId: 'acme', ownName: 'echo' },
        reason: {
          document: 'servers/acme/tickets',
          field: 'requiredRoles',
          value: ['support'],
          given: ['reader'],
          text: 'The caller needs the role support; it has reader (servers/acme/tickets, requiredRoles).',
        },
        remedies: [
          'Give the caller the role support.',
          'Change requiredRoles in servers/acme/tickets.',
          'Give the caller the roles support, writer.',
          'Change tools.e*.requiredRoles in servers/acme/tickets.',
        ],
        whoCan: {
          roles: [['support'], { allOf: ['support', 'writer'] }],
          agents: null,
          text: 'Callers of the tenant acme with the role support, and all of the roles support, writer.',
        },
      },
    )
  })

  test('role in another claim', async () => {
    const claims = { iss: ISSUER, sub: 'ann', tenant_id: 'acme', roles: ['reader'], groups: ['support', 'x'] }
    const { ruleId, obstacles } = await explain(operator, { server: 'tickets', principal: { claims } })
    expect(ruleId).toBe('server-roles')
    expect(obstacles).toEqual([
      {
        kind: 'role-in-other-claim',
        isBlocking: false,
        document: 'settings',
        field: 'CLAIM_ROLES',
        value: 'roles',
        text: 'The token has support in the claim groups; roles are read from roles (settings, CLAIM_ROLES).',
        remedies: [
          'Set CLAIM_ROLES to "groups" in settings.',
          'Have the issuer write support into the claim roles.',
        ],
      },
    ])
  })

  test('agent not listed', async () => {
    expect(await explain(operator, { tool: 'desk_echo', principal: { agent: 'coder' } })).toMatchObject({
      ruleId: 'server-agents',
      reason: {
        document: 'servers/acme/desk',
        field: 'agentAllowlist',
        value: ['planner'],
        given: 'coder',
      },
    })
  })

  test('other tenant, to those who may know of it', async () => {
    const question = { tool: 'tickets_echo', principal: { tenantId: 'globex', roles: ['support'] } }
    const admin = await gateway.token({ tenantId: 'acme', roles: ['operator', 'platform-admin'] })
    expect(await explain(admin, question)).toMatchObject({
      ruleId: 'tenant',
      reason: { document: 'servers/acme/tickets', field: 'tenantId', value: 'acme', given: 'globex' },
    })
    const refused = await gateway.rest(operator, 'POST', '/v1/access:explain', question)
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const theirs = await gateway.token({ tenantId: 'globex', roles: ['operator'] })
    expect(await explain(theirs, { tool: 'tickets_echo', principal: {} })).toMatchObject({
      ruleId: 'unknown-server',
      reason: { document: 'servers/globex/tickets', value: null },
      whoCan: null,
    })
  })

  test('disabled', async () => {
    expect(await explain(operator, { tool: 'off_echo', principal: {} })).toMatchObject({
      ruleId: 'disabled',
      reason: { document: 'servers/acme/off', field: 'enabled', value: false },
      whoCan: { isOffered: false, text: 'No caller can use it.' },
    })
  })

  test('server down, without the secrets of its address', async () => {
    expect(await explain(operator, { tool: 'down_echo', principal: {} })).toMatchObject({
      effect: 'allow',
      ruleId: 'allow',
      callable: false,
      obstacles: [
        {
          kind: 'server-unavailable',
          isBlocking: true,
          document: 'servers/acme/down',
          field: 'url',
          value: 'http://127.0.0.1:1/mcp?key=********',
          text: expect.stringMatching(/^The server down is (backing_off|starting)/),
        },
      ],
    })
  })

  test('quota', async () => {
    const theirs = await gateway.token({ tenantId: 'initech', roles: ['operator'] })
    const question = { tool: 'busy_echo', principal: {} }
    expect(await explain(theirs, question)).toMatchObject({ callable: true, obstacles: [] })
    await gateway.rest(theirs, 'POST', '/v1/tools/busy_echo', { arguments: {} })
    expect(await explain(theirs, question)).toMatchObject({
      effect: 'allow',
      callable: false,
      obstacles: [
        {
          kind: 'limit',
          document: 'tenants/initech',
          field: 'quotas.callsPerDay',
          value: 1,
          retryAfterMs: expect.any(Number),
        },
      ],
    })
  })

  test('a tool that the server does not list, with the names near it', async () => {
    expect(await explain(operator, { tool: 'open_ecoh', principal: {} })).toMatchObject({
      callable: false,
      obstacles: [{ kind: 'not-offered', document: 'servers/acme/open', field: 'tools', value: 'ecoh' }],
      suggestions: ['open_echo'],
    })
  })
})

describe('everybody may ask about themselves, and', () => {
  test('gets the same answer for what is denied and what does not exist', async () => {
    const token = await gateway.token({ tenantId: 'acme', roles: ['reader'] })
    const about = async (tool: string): Promise<string> =>
      JSON.stringify(await explain(token, { tool })).replaceAll(tool, 'NAME')
    const unknown = await about('zzzzzzz_qqqqqq')
    for (const tool of ['tickets_echo', 'desk_echo', 'off_echo', 'tickets_zzzzz'])
      expect(await about(tool)).toBe(unknown)
    expect(JSON.parse(unknown)).toMatchObject({
      effect: 'deny',
      ruleId: 'unknown-target',
      reason: { document: null, text: 'No tool of this name exists, or you may not use it.' },
      checks: [],
      whoCan: null,
    })
  })

  test('gets names near the one that was asked for from the own view only', async () => {
    const token = await gateway.token({ tenantId: 'acme', roles: ['reader'] })
    expect(await explain(token, { tool: 'open_echoo' })).toMatchObject({ suggestions: ['open_echo'] })
    expect(await explain(token, { tool: 'tickets_echoo' })).toMatchObject({ suggestions: [] })
  })

  test('is told that a server which may be used is down, without its document', async () => {
    const token = await gateway.token({ tenantId: 'acme', roles: ['reader'] })
    expect(await explain(token, { tool: 'down_echo' })).toMatchObject({
      effect: 'allow',
      callable: false,
      obstacles: [{ kind: 'server-unavailable', document: null, field: null, value: null }],
    })
  })

  test('is told of scopes that are missing, as calls tell', async () => {
    const token = await gateway.token({ tenantId: 'acme', roles: ['reader'] })
    expect(await explain(token, { tool: 'open_big' })).toMatchObject({
      effect: 'deny',
      ruleId: 'tool-scopes',
      remedies: ['Get a token with the scopes big.'],
    })
  })

  test('may not ask about others', async () => {
    const token = await gateway.token({ tenantId: 'acme', roles: ['reader'] })
    const refused = await gateway.rest(token, 'POST', '/v1/access:explain', {
      tool: 'tickets_echo',
      principal: { roles: ['support'] },
    })
    expect(refused).toMatchObject({
      status: 403,
      body: { detail: 'Asking about others needs the role operator' },
    })
  })
})

test('whoami says who the caller is, and from which claim each part was read', async () => {
  const token = await gateway.token({
    tenantId: 'acme',
    roles: ['reader'],
    scopes: ['a'],
    agent: 'lead',
    agents: ['coder'],
  })
  const { body } = await gateway.rest(token, 'GET', '/v1/whoami', undefined, { 'x-agent-name': 'coder' })
  expect(body).toEqual({
    tenantId: 'acme',
    subject: 'ann',
    agent: { name: 'coder', claim: 'x-agent-name' },
    agents: ['coder'],
    roles: [{ name: 'reader', claim: 'roles' }],
    scopes: [{ name: 'a', claim: 'scope' }],
    issuer: expect.any(String),
    expiresAt: expect.stringMatching(/Z$/),
    unreadClaims: [],
    notes: [],
  })
})

describe('the matrix', () => {
  test('has roles by tools, in pages', async () => {
    const first = await gateway.rest(operator, 'GET', '/v1/access/matrix?server=tickets&limit=2')
    expect(first.body).toMatchObject({
      by: 'roles',
      columns: [null, 'support', 'writer'],
      rows: [
        {
          name: 'tickets_big',
          server: 'tickets',
          cells: [
            { effect: 'deny', ruleId: 'server-roles' },
            { effect: 'allow', ruleId: 'allow' },
            { effect: 'deny', ruleId: 'server-roles' },
          ],
        },
        { name: 'tickets_cancelled' },
      ],
    })
    const cursor = String(first.body['nextCursor'])
    const next = await gateway.rest(
      operator,
      'GET',
      `/v1/access/matrix?server=tickets&limit=2&cursor=${cursor}`,
    )
    expect(next.body['rows']).toMatchObject([{ name: 'tickets_change' }, { name: 'tickets_echo' }])
  })

  test('has agents by servers', async () => {
    const { body } = await gateway.rest(operator, 'GET', '/v1/access/matrix?by=agents&server=desk')
    expect(body).toEqual({
      by: 'agents',
      columns: ['desk'],
      omittedColumns: 0,
      rows: [
        { name: null, cells: [{ effect: 'deny', ruleId: 'server-agents', tools: 0, of: 10 }] },
        { name: 'planner', cells: [{ effect: 'allow', ruleId: 'allow', tools: 10, of: 10 }] },
      ],
      missingServers: [],
    })
  })

  test('is for operators', async () => {
    const token = await gateway.token({ tenantId: 'acme' })
    expect((await gateway.rest(token, 'GET', '/v1/access/matrix')).status).toBe(403)
  })
})
