import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type RegistryAnswer, type RegistryApi, startRegistryApi } from '../support/registry-api.ts'
import { definitionOf } from '../support/server-definitions.ts'

const API = {
  transport: 'streamable-http',
  url: 'https://api.example.com/mcp?key=hunter2&v=1',
  headers: { 'x-key': 'hunter2', 'x-ref': 'secret://acme_key' },
  auth: { kind: 'bearer', token: 'hunter2' },
  description: 'Asks ******** of you',
}
const REGISTRY = {
  servers: {
    api: API,
    files: { transport: 'stdio', command: 'node', args: ['files.js'], env: { KEY: 'hunter2' } },
    shared: { transport: 'stdio', command: 'node', args: ['hunter2'], tenantId: '*' },
    theirs: { transport: 'sse', url: 'https://x.example.com/', tenantId: 'globex' },
    broken: { transport: 'sse', token: 'hunter2' },
  },
}

let api: RegistryApi

beforeEach(async () => {
  api = await startRegistryApi(REGISTRY)
})

afterEach(() => api.close())

const ask = (...args: Parameters<RegistryApi['ask']>): Promise<RegistryAnswer> => api.ask(...args)
const documentOf = ({ body }: RegistryAnswer): Record<string, unknown> =>
  body['document'] as Record<string, unknown>
const HTTP = { name: 'fresh', transport: 'sse', url: 'https://fresh.example.com/' }
const ADMIN = 'operator,root'

describe('access', () => {
  test.each([
    ['POST', ''],
    ['GET', 'api'],
    ['PUT', 'api'],
    ['DELETE', 'api'],
  ])('%s needs the role operator', async (method, name) => {
    const body = method === 'POST' || method === 'PUT' ? HTTP : undefined
    expect(await ask(method, name, { roles: 'reader,root', ...(body && { body }) })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ['a command', { name: 'fresh', transport: 'stdio', command: 'node' }],
    ['a package', { name: 'fresh', transport: 'stdio', package: 'some-server' }],
    ['a server for all tenants', { ...HTTP, tenantId: '*' }],
  ])('creating %s needs the platform administrator', async (_what, body) => {
    expect(await ask('POST', '', { body })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await ask('POST', '', { body, roles: ADMIN })).toMatchObject({ status: 201 })
  })

  test('nobody writes into another tenant', async () => {
    for (const roles of ['operator', ADMIN]) {
      expect(await ask('POST', '', { body: { ...HTTP, tenantId: 'globex' }, roles })).toMatchObject({
        status: 403,
      })
      expect(await ask('DELETE', 'theirs', { etag: '*', roles })).toMatchObject({ status: 404 })
      expect(await ask('PUT', 'theirs', { etag: '*', roles, body: {} })).toMatchObject({ status: 404 })
    }
  })

  test('a server for all tenants is changed and removed by platform administrators only', async () => {
    const { etag } = await ask('GET', 'shared')
    const body = { transport: 'stdio', command: 'other' }
    expect(await ask('PUT', 'shared', { etag, body })).toMatchObject({ status: 403 })
    expect(await ask('DELETE', 'shared', { etag })).toMatchObject({ status: 403 })
    const { status, etag: next } = await ask('PUT', 'shared', { etag, body, roles: ADMIN })
    expect(status).toBe(200)
    expect(await ask('DELETE', 'shared?tenantId=*', { etag: next, roles: ADMIN })).toMatchObject({
      status: 204,
    })
  })

  test('an operator changes who may use a local server, and not what is started', async () => {
    const shown = await ask('GET', 'files')
    const narrowed = { ...documentOf(shown), requiredRoles: ['reader'] }
    const { status, etag } = await ask('PUT', 'files', { etag: shown.etag, body: narrowed })
    expect(status).toBe(200)
    for (const change of [{ args: ['x'] }, { env: { NODE_OPTIONS: '-r x' } }, { cwd: '/' }]) {
      expect(await ask('PUT', 'files', { etag, body: { ...narrowed, ...change } })).toMatchObject({
        status: 403,
      })
    }
    expect(await api.stored('files')).toEqual({ ...REGISTRY.servers.files, requiredRoles: ['reader'] })
  })
})

test('a tenant creates no more servers than its quota allows, and may have room again', async () => {
  await using limited = await limitedApi(4)
  expect(await limited.ask('POST', '', { body: HTTP })).toMatchObject({ status: 201 })
  const another = { ...HTTP, name: 'another' }
  expect(await limited.ask('POST', '', { body: another })).toMatchObject({
    status: 403,
    body: { code: 'forbidden', detail: 'The tenant has reached its quota of servers: 4' },
  })
  expect(await limited.ask('POST', '', { body: { ...another, tenantId: '*' }, roles: ADMIN })).toMatchObject({
    status: 201,
  })
  expect(await limited.ask('DELETE', 'fresh', { etag: '*' })).toMatchObject({ status: 204 })
  expect(await limited.ask('POST', '', { body: { ...another, name: 'third' } })).toMatchObject({
    status: 201,
  })
})

async function limitedApi(maxServers: number): Promise<RegistryApi & AsyncDisposable> {
  const started = await startRegistryApi(REGISTRY, { maxServers })
  return { ...started, [Symbol.asyncDispose]: () => started.close() }
}

test('a server that was discovered and is in no store is shown without its secrets, and has no version to write', async () => {
  const found = await startRegistryApi(
    { servers: {} },
    {
      discovered: definitionOf({
        name: 'pods',
        transport: 'http',
        url: 'http://10.0.0.1/mcp?key=hunter2',
        headers: { 'x-key': 'hunter2' },
      }),
    },
  )
  const shown = await found.ask('GET', 'pods')
  expect(shown).toMatchObject({
    status: 200,
    body: { name: 'pods', tenantId: 'acme', state: 'pending', document: { transport: 'http' } },
  })
  expect(shown.body).not.toHaveProperty('etag')
  expect(JSON.stringify(shown.body)).not.toContain('hunter2')
  expect((await found.ask('DELETE', 'pods', { etag: '*' })).status).toBe(404)
  await found.close()
})
