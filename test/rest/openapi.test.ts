import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { OPERATIONS } from '../../src/rest/openapi/operations.ts'
import { checkDescribed } from '../support/shared/described-response.ts'
import { sourceFiles } from '../support/source-graph.ts'
import { eventually } from '../support/eventually.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let upstream: HttpUpstream
let app: TestApp
let token: string

beforeAll(async () => {
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  app = await openTestApp({ mail: server, hidden: { ...server, requiredRoles: ['admin'] } })
  await eventually(() => app.servers.upstreams.status('local/mail')?.state === 'ready', { what: 'mail' })
  token = await app.token()
})

afterAll(async () => {
  await app.close()
  await upstream.close()
})

const get = (path: string, headers: Record<string, string> = {}): ReturnType<TestApp['rest']> =>
  app.rest(token, 'GET', path, undefined, headers)

test('every operation has an id of its own and a summary', () => {
  const ids = OPERATIONS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { summary } of OPERATIONS) expect(summary).toMatch(/^[A-Z].*[^.]$/)
})

test('the document is OpenAPI 3.1, with the schemas by which routes check', async () => {
  const { status, body } = await get('/v1/openapi.json')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    openapi: '3.1.0',
    security: [{ bearer: [] }],
    paths: {
      '/v1/tools': {
        get: {
          operationId: 'listTools',
          parameters: [
            { name: 'limit', in: 'query', required: false, schema: { type: 'integer', maximum: 1000 } },
            { name: 'cursor' },
            { name: 'server' },
            { name: 'query' },
            { name: 'view', schema: { enum: ['full', 'brief'], default: 'full' } },
          ],
        },
      },
      '/v1/tools/{toolId}': {
        post: {
          parameters: [{ name: 'toolId', in: 'path', required: true }],
          requestBody: {
            content: { 'application/json': { schema: { type: 'object', additionalProperties: false } } },
          },
        },
      },
      '/v1/access:explain': { post: { operationId: 'explainAccess' } },
    },
  })
})

test('with ?expand=tools there is an operation for each tool of the caller, and for no other', async () => {
  const { body } = await get('/v1/openapi.json?expand=tools')
  const paths = Object.keys(body['paths'] as object).filter((path) => /^\/v1\/tools\/[a-z]/.test(path))
  expect(paths).toContain('/v1/tools/mail_echo')
  expect(paths.filter((path) => path.includes('hidden'))).toEqual([])
  expect(body).toMatchObject({
    paths: {
      '/v1/tools/mail_exotic': {
        post: {
          operationId: 'mail_exotic',
          tags: ['Tools of mail'],
          requestBody: {
            content: {
              'application/json': {
                schema: { properties: { arguments: { $ref: '#/components/schemas/mail_exotic_arguments' } } },
              },
            },
          },
        },
      },
    },
    components: { schemas: { mail_exotic_arguments: { properties: { a: { type: 'string', x7: 7 } } } } },
  })
  expect(
    Object.keys((await get('/v1/openapi.json?expand=tools&server=x')).body['paths'] as object),
  ).not.toContain('/v1/tools/mail_echo')
})

test('a client that knows the document is told that it has not changed', async () => {
  const first = await get('/v1/openapi.json')
  const etag = String(first.headers.get('etag'))
  expect(first.headers.get('cache-control')).toBe('private, no-cache')
  expect((await get('/v1/openapi.json', { 'if-none-match': etag })).status).toBe(304)
  expect((await get('/v1/openapi.json', { 'if-none-match': `W/${etag}` })).status).toBe(304)
  expect((await get('/v1/openapi.json', { 'if-none-match': '"other"' })).status).toBe(200)
})

describe('the check of responses', () => {
  const seen = { method: 'GET', path: '/v1/whoami', status: 200, contentType: 'application/json' }

  test('finds what is not described, what is missing, and a status that no operation has', () => {
    expect(() => checkDescribed({ ...seen, body: { tenantId: 'a' } })).toThrow(/whoami describes.*required/)
    expect(() => checkDescribed({ ...seen, path: '/v1/tools', body: { tools: [], extra: 1 } })).toThrow(
      /listTools describes/,
    )
    expect(() => checkDescribed({ ...seen, status: 202, body: {} })).toThrow(/202/)
    expect(() =>
      checkDescribed({ ...seen, status: 404, contentType: 'application/problem+json', body: {} }),
    ).toThrow(/whoami describes/)
  })

  test('lets pass what is described', async () => {
    const { body } = await get('/v1/whoami')
    expect(() => checkDescribed({ ...seen, body })).not.toThrow()
  })
})

test('every route of REST is an operation, and every operation a route', () => {
  const routes = sourceFiles()
    .filter(({ path }) => path.startsWith('rest/') || /^oauth\/(grants|approvals)\//.test(path))
    .flatMap(({ text }) => [...text.matchAll(/router\.(get|post|put|delete)\(\s*'([^']+)'/g)])
    .map(
      ([, method, path = '']) => `${method} /v1${path.replaceAll(/(?<!\\):\w+/g, '{}').replaceAll('\\', '')}`,
    )
  const operations = OPERATIONS.filter(({ path }) => path.startsWith('/v1/')).map(
    ({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`,
  )
  expect(new Set(routes)).toEqual(new Set(operations))
})
