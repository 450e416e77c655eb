import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openTestApp, type TestApp } from '../support/test-app.ts'

let app: TestApp
let token: string

beforeAll(async () => {
  app = await openTestApp({})
  token = await app.token({ roles: ['reader', 'operator', 'auditor', 'platform-admin'] })
})

afterAll(() => app.close())

test.each([
  [
    'GET',
    '/v1/audit?agent=x',
    'agent: unknown query parameter; /v1/audit has limit, cursor, from, to, subject, target, server, outcome',
  ],
  [
    'GET',
    '/v1/audit?tenantId=acme',
    'tenantId: unknown query parameter; /v1/audit has limit, cursor, from, to, subject, target, server, outcome',
  ],
  [
    'GET',
    '/v1/audit/?REQUESTID=1',
    'REQUESTID: unknown query parameter; /v1/audit has limit, cursor, from, to, subject, target, server, outcome',
  ],
  [
    'GET',
    '/V1/Audit?x',
    'x: unknown query parameter; /v1/audit has limit, cursor, from, to, subject, target, server, outcome',
  ],
  ['GET', '/v1/servers?name=a', 'name: unknown query parameter; /v1/servers has none'],
  ['GET', '/servers?tenantId=acme', 'tenantId: unknown query parameter; /servers has none'],
  ['POST', '/v1/servers?dryRun=true', 'dryRun: unknown query parameter; /v1/servers has none'],
  ['DELETE', '/v1/servers/a?force=1', 'force: unknown query parameter; /v1/servers/a has tenantId'],
  ['POST', '/v1/servers/a/stop?now', 'now: unknown query parameter; /v1/servers/a/stop has tenantId'],
  [
    'GET',
    '/v1/servers/a/logs?tail=5',
    'tail: unknown query parameter; /v1/servers/a/logs has lines, follow, tenantId',
  ],
  [
    'GET',
    '/v1/tools?tag=a&name=b',
    'tag: unknown query parameter; name: unknown query parameter; /v1/tools has limit, cursor, server, query, view',
  ],
  ['POST', '/v1/tools/a?async=1', 'async: unknown query parameter; /v1/tools/a has none'],
  ['GET', '/v1/resources?server=a', 'server: unknown query parameter; /v1/resources has limit, cursor, uri'],
  ['GET', '/v1/prompts?query=a', 'query: unknown query parameter; /v1/prompts has limit, cursor'],
  ['GET', '/v1/pipelines?limit=1', 'limit: unknown query parameter; /v1/pipelines has none'],
  ['PUT', '/v1/pipelines/a?x=1', 'x: unknown query parameter; /v1/pipelines/a has tenantId'],
  ['DELETE', '/v1/caches?name=a', 'name: unknown query parameter; /v1/caches has cache, tenantId'],
  ['POST', '/v1/enhance?model=a', 'model: unknown query parameter; /v1/enhance has none'],
  ['GET', '/health?server=a', 'server: unknown query parameter; /health has none'],
  [
    'GET',
    '/v1/tools?__proto__=1',
    '__proto__: unknown query parameter; /v1/tools has limit, cursor, server, query, view',
  ],
])('%s %s is refused', async (method, path, detail) => {
  const { status, body } = await app.rest(token, method, path)
  expect([status, body['detail']]).toEqual([400, detail])
})

test.each([
  '/v1/tools?limit=1&query=a&server=b',
  '/v1/tools/?limit=1',
  '/v1/audit?limit=1&from=2026-01-01T00:00:00Z&outcome=ok&subject=a&target=b&server=c',
  '/v1/resources?limit=1',
  '/v1/prompts?limit=1',
  '/v1/caches?tenantId=*',
  '/v1/servers?',
])('%s is answered', async (path) => {
  expect((await app.rest(token, 'GET', path)).status).toBe(200)
})

test.each(['0x10', '1e2', '+5', ' 5', '5.0', '', '99999999999999999999', '5&limit=6'])(
  'a number in a query is written in decimal digits: limit=%s is refused',
  async (text) => {
    const paths = ['/v1/tools', '/v1/audit', '/v1/approvals'].map((path) => `${path}?limit=${text}`)
    const answers = await Promise.all(paths.map((path) => app.rest(token, 'GET', path)))
    expect(answers.map(({ status, body }) => [status, body['code']])).toEqual(
      paths.map(() => [400, 'invalid_request']),
    )
  },
)
