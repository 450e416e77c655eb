import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openTestApp, type TestApp } from '../../support/test-app.ts'

type Route = readonly [method: string, path: string]

const OFF = { transport: 'stdio', command: 'node', enabled: false }
const SERVER_ACTIONS: readonly Route[] = [
  ['POST', '/v1/servers/NAME/start'],
  ['POST', '/v1/servers/NAME/stop'],
  ['POST', '/v1/servers/NAME/restart'],
  ['POST', '/v1/servers/NAME/inspect'],
  ['GET', '/v1/servers/NAME/logs'],
]
const SERVER_DOCUMENTS: readonly Route[] = [
  ['GET', '/v1/servers/NAME'],
  ['PUT', '/v1/servers/NAME'],
  ['DELETE', '/v1/servers/NAME'],
]
const PIPELINE_DOCUMENTS: readonly Route[] = [
  ['PUT', '/v1/pipelines/NAME'],
  ['DELETE', '/v1/pipelines/NAME'],
]
const OF_OPERATORS: readonly Route[] = [
  ['GET', '/v1/servers'],
  ['POST', '/v1/servers'],
  ['POST', '/v1/servers/install'],
  ...SERVER_ACTIONS,
  ...SERVER_DOCUMENTS,
  ...PIPELINE_DOCUMENTS,
  ['GET', '/v1/enhance'],
  ['GET', '/v1/caches'],
  ['DELETE', '/v1/caches'],
]

let app: TestApp
let operator: string
let admin: string

beforeAll(async () => {
  app = await openTestApp(
    {
      off: OFF,
      theirs: { ...OFF, tenantId: 'acme' },
      everybodys: { ...OFF, tenantId: '*' },
      remote: { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp', enabled: false },
      wrong: { transport: 'stdio' },
    },
    { env: { MAX_BODY_BYTES: '2048' } },
  )
  operator = await app.token({ roles: ['operator'] })
  admin = await app.token({ roles: ['operator', 'platform-admin'] })
})

afterAll(() => app.close())

const at = (path: string, name: string): string => path.replace('NAME', name)
const ask = async (
  token: string,
  [method, path]: Route,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<{ status: number; code: unknown; detail: unknown }> => {
  const answer = await app.rest(token, method, path, body, headers)
  return { status: answer.status, code: answer.body['code'], detail: answer.body['detail'] }
}

describe('the role', () => {
  test.each([
    ...OF_OPERATORS.map((route) => [...route, 'operator'] as const),
    ['GET', '/v1/audit', 'auditor'] as const,
  ])('of %s %s is needed: %s', async (method, path, role) => {
    const others = ['reader', 'platform-admin', 'operator', 'auditor'].filter((each) => each !== role)
    const route = [method, at(path, 'off')] as const
    expect(await ask(await app.token({ roles: others }), route)).toEqual({
      status: 403,
      code: 'forbidden',
      detail: `This needs the role ${role}`,
    })
  })

  test.each([
    ['GET', '/v1/servers', 200],
    ['GET', '/v1/servers/off', 200],
    ['GET', '/v1/servers/off/logs', 200],
    ['GET', '/v1/enhance', 200],
    ['GET', '/v1/caches', 200],
    ['DELETE', '/v1/caches', 200],
  ])('of an operator is enough for %s %s', async (method, path, status) => {
    expect((await app.rest(operator, method, path, undefined, { accept: 'application/json' })).status).toBe(
      status,
    )
  })

  test('of a platform administrator is needed, too, to install packages', async () => {
    expect(await ask(operator, ['POST', '/v1/servers/install'], { package: 'left-pad' })).toEqual({
      status: 403,
      code: 'forbidden',
      detail: 'Installing what is started on the gateway’s machine needs the role platform-admin',
    })
  })
})

describe('a server', () => {
  const routes = [...SERVER_ACTIONS, ...SERVER_DOCUMENTS]

  test.each(routes)(
    'of another tenant is not told from one that does not exist: %s %s',
    async (method, path) => {
      const answer = async (name: string, query = ''): Promise<unknown> => {
        const { body, status } = await app.rest(
          admin,
          method,
          `${at(path, name)}${query}`,
          method === 'PUT' ? {} : undefined,
        )
        const { requestId: _id, ...rest } = body
        return { status, ...rest }
      }
      const unknown = (name: string): unknown => ({
        type: 'http://127.0.0.1:8080/errors/server_not_found',
        title: 'Unknown server',
        status: 404,
        detail: `Unknown server: ${name}`,
        code: 'server_not_found',
        retryable: false,
      })
      expect(await answer('nosuch')).toEqual(unknown('nosuch'))
      expect(await answer('theirs')).toEqual(unknown('theirs'))
      expect(await answer('theirs', '?tenantId=acme')).toEqual(unknown('theirs'))
      expect(await answer('off', '?tenantId=*')).toEqual(unknown('off'))
      expect(await answer('No.Name')).toEqual(unknown('No.Name'))
      expect(await answer('gateway')).toEqual(unknown('gateway'))
    },
  )

  test.each([...SERVER_ACTIONS, ...SERVER_DOCUMENTS.slice(1)])(
    'for all tenants is managed by platform administrators only: %s %s',
    async (method, path) => {
      for (const query of ['', '?tenantId=*']) {
        const route = [method, `${at(path, 'everybodys')}${query}`] as const
        const { status, code, detail } = await ask(operator, route, method === 'PUT' ? {} : undefined, {
          'if-match': '*',
        })
        expect([status, code]).toEqual([403, 'forbidden'])
        expect(detail).toMatch(/ a server for all tenants needs the role platform-admin$/)
      }
    },
  )

  test.each(SERVER_ACTIONS)('whose document was refused says why: %s %s', async (method, path) => {
    expect(await ask(operator, [method, at(path, 'wrong')])).toEqual({
      status: 422,
      code: 'invalid_document',
      detail: 'The document was refused: command: give either command or package',
    })
  })

  test.each(['start', 'restart'])('that is disabled cannot be told to %s', async (action) => {
    expect(await ask(operator, ['POST', `/v1/servers/off/${action}`])).toMatchObject({
      status: 409,
      code: 'server_disabled',
    })
  })

  test('that is not a process has no log', async () => {
    expect(await ask(operator, ['GET', '/v1/servers/remote/logs'])).toEqual({
      status: 400,
      code: 'invalid_request',
      detail: 'remote is not a process of this gateway, so it has no log here',
    })
  })
})

test.each([
  ['DELETE', '/v1/pipelines/nosuch'],
  ['GET', '/v1/pipelines/nosuch'],
  ['DELETE', '/v1/pipelines/nosuch?tenantId=acme'],
  ['PUT', '/v1/pipelines/nosuch?tenantId=acme'],
  ['PUT', '/v1/pipelines/No.Name'],
] as const)('%s %s: a pipeline that is unknown or of another tenant is unknown', async (method, path) => {
  const body = method === 'PUT' ? { steps: [] } : undefined
  const name = path.includes('No.Name') ? 'No.Name' : 'nosuch'
  expect(await ask(admin, [method, path], body)).toEqual({
    status: 404,
    code: 'tool_not_found',
    detail: `Unknown pipeline: ${name}`,
  })
})

describe('what is written', () => {
  test.each([
    ['without a version', {}, 428, 'precondition_required'],
    ['for another version', { 'if-match': '"1"' }, 412, 'precondition_failed'],
  ])('%s is refused', async (_what, headers, status, code) => {
    for (const method of ['PUT', 'DELETE']) {
      const body = method === 'PUT' ? OFF : undefined
      expect(await ask(operator, [method, '/v1/servers/off'], body, headers)).toMatchObject({ status, code })
    }
  })

  test.each([
    ['POST', '/v1/servers', '[]', 400, 'invalid_request', 'expected an object'],
    ['POST', '/v1/servers', '"x"', 400, 'invalid_request', 'The body is not valid JSON'],
    [
      'POST',
      '/v1/servers',
      { name: 'new', transport: 'streamable-http', url: 'ftp://x', enabld: false },
      422,
      'invalid_document',
      'url: Invalid URL, expected http:// or https:// and a host; unknown field "enabld", did you mean "enabled"?',
    ],
    [
      'POST',
      '/v1/servers',
      { name: 'new', tenantId: 'acme', transport: 'http', url: 'http://127.0.0.1:9' },
      403,
      'forbidden',
      'A token can only write the servers of its tenant',
    ],
    [
      'POST',
      '/v1/servers',
      { name: 'off', transport: 'http', url: 'http://127.0.0.1:9' },
      409,
      'already_exists',
      'There is a document of this name already; replace it with PUT, or give another name',
    ],
    [
      'POST',
      '/v1/servers',
      { name: 'new', ...OFF },
      403,
      'forbidden',
      'Writing what is started on the gateway’s machine needs the role platform-admin',
    ],
    [
      'POST',
      '/v1/servers/install',
      { package: 'x', sudo: true },
      400,
      'invalid_request',
      'unknown field "sudo"',
    ],
    [
      'PUT',
      '/v1/pipelines/new',
      { steps: [] },
      422,
      'invalid_document',
      'steps: expected array to have >=1 items',
    ],
    [
      'PUT',
      '/v1/pipelines/new',
      { name: 'other', steps: [] },
      422,
      'invalid_document',
      'name and tenantId must match the path',
    ],
    [
      'DELETE',
      '/v1/caches?cache=all',
      undefined,
      400,
      'invalid_request',
      'cache: expected "enhancements" or "results"',
    ],
    [
      'GET',
      '/v1/caches?tenantId=acme',
      undefined,
      403,
      'forbidden',
      'You can only access the caches of your tenant, or of all tenants with `*`',
    ],
    [
      'GET',
      '/v1/servers/off/logs?lines=1001',
      undefined,
      400,
      'invalid_request',
      'lines: expected a whole number from 0 to 1000',
    ],
    [
      'POST',
      '/v1/enhance',
      { prompt: '' },
      400,
      'invalid_request',
      'prompt: expected string to have >=1 characters',
    ],
  ] as const)('%s %s with %j is refused', async (method, path, body, status, code, detail) => {
    const token = path.endsWith('/install') ? admin : operator
    expect(await ask(token, [method, path], body)).toEqual({ status, code, detail })
  })
})
