import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type RegistryAnswer, type RegistryApi, startRegistryApi } from '../../support/registry-api.ts'

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
    shared: {
      transport: 'stdio',
      command: 'node',
      args: ['hunter2'],
      tenantId: '*',
      tools: { exclude: ['x'], ask: { fixed: { key: 'hunter2' }, title: 'Ask' } },
    },
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

describe('reading', () => {
  test('shows the document with its state and version, and no secret', async () => {
    const answer = await ask('GET', 'api')
    expect(answer.status).toBe(200)
    expect(answer.etag).toMatch(/^"[\w-]+"$/)
    expect(answer.body).toEqual({
      name: 'api',
      tenantId: 'acme',
      state: 'pending',
      etag: answer.etag,
      document: {
        name: 'api',
        tenantId: 'acme',
        transport: 'streamable-http',
        url: 'https://api.example.com/mcp?key=********&v=********',
        headers: { 'x-key': '********', 'x-ref': 'secret://acme_key' },
        auth: { kind: 'bearer', token: '********' },
        description: 'Asks ******** of you',
      },
    })
  })

  test('masks what is under fields that no document has', async () => {
    expect(documentOf(await ask('GET', 'broken'))).toMatchObject({ token: '********' })
  })

  test('shows what is started for all tenants to platform administrators only', async () => {
    expect(documentOf(await ask('GET', 'shared'))).toMatchObject({ command: '********', args: ['********'] })
    expect(documentOf(await ask('GET', 'shared', { roles: ADMIN }))).toMatchObject({ args: ['hunter2'] })
  })

  test('shows the fixed arguments of tools for all tenants to platform administrators only', async () => {
    const tools = (fixed: string): unknown => ({
      exclude: ['x'],
      ask: { fixed: { key: fixed }, title: 'Ask' },
    })
    expect(documentOf(await ask('GET', 'shared'))['tools']).toEqual(tools('********'))
    expect(documentOf(await ask('GET', 'shared', { roles: ADMIN }))['tools']).toEqual(tools('hunter2'))
  })

  test.each(['theirs', 'nothing', 'No.Name', 'theirs?tenantId=globex', 'api?tenantId=*'])(
    '%s is unknown',
    async (name) => {
      expect(await ask('GET', name)).toMatchObject({ status: 404, body: { code: 'server_not_found' } })
    },
  )
})

describe('creating', () => {
  test('answers with the document as stored, where it is and its version', async () => {
    const created = await ask('POST', '', { body: { ...HTTP, headers: { 'x-key': 'hunter2' } } })
    expect(created).toMatchObject({
      status: 201,
      location: '/v1/servers/fresh',
      body: { name: 'fresh', tenantId: 'acme', document: { ...HTTP, headers: { 'x-key': '********' } } },
    })
    expect((await ask('GET', 'fresh')).etag).toBe(created.etag)
    expect(await api.stored('fresh')).toMatchObject({ headers: { 'x-key': 'hunter2' } })
  })

  test('of a name that is taken, here or for all tenants, is refused', async () => {
    for (const name of ['api', 'shared']) {
      expect(await ask('POST', '', { body: { ...HTTP, name } })).toMatchObject({
        status: 409,
        body: { code: 'already_exists' },
      })
    }
  })

  test('of a document that is not valid names every problem and writes nothing', async () => {
    const before = await readFile(api.path, 'utf8')
    const body = { name: 'X', transport: 'sse', url: 'ftp://x', poool: 1, headers: { k: '********' } }
    expect(await ask('POST', '', { body })).toMatchObject({
      status: 422,
      body: {
        code: 'invalid_document',
        problems: [
          'headers.k: the value is masked, but no value is stored; enter the value',
          expect.stringMatching(/^name: /),
          expect.stringMatching(/^url: /),
          'unknown field "poool", did you mean "pool"?',
        ],
      },
    })
    expect(await ask('POST', '', { body: [] })).toMatchObject({ status: 400 })
    expect(await readFile(api.path, 'utf8')).toBe(before)
  })
})

describe('replacing', () => {
  test('what was read keeps every masked value', async () => {
    const shown = await ask('GET', 'api')
    const body = { ...documentOf(shown), timeoutMs: 5000 }
    const replaced = await ask('PUT', 'api', { etag: shown.etag, body })
    expect(replaced).toMatchObject({ status: 200, body: { document: { ...body } } })
    expect(await api.stored('api')).toEqual({ ...API, timeoutMs: 5000 })
  })

  test('takes new values beside masked ones, and removes what is left out', async () => {
    const { etag } = await ask('GET', 'api')
    const body = {
      transport: 'streamable-http',
      url: 'https://api.example.com/v2',
      headers: { 'x-key': '********', 'x-new': 'n' },
    }
    expect(await ask('PUT', 'api', { etag, body })).toMatchObject({ status: 200 })
    expect(await api.stored('api')).toEqual({
      transport: 'streamable-http',
      url: 'https://api.example.com/v2',
      headers: { 'x-key': 'hunter2', 'x-new': 'n' },
    })
  })

  test('never sends a kept secret to another host', async () => {
    const shown = await ask('GET', 'api')
    for (const where of [
      { url: 'https://evil.example.com/' },
      { url: undefined, instances: [{ url: 'https://evil.example.com/' }] },
    ]) {
      const body = { ...documentOf(shown), ...where }
      expect(await ask('PUT', 'api', { etag: shown.etag, body })).toMatchObject({
        status: 422,
        body: { problems: [expect.stringMatching(/^url: the destination changed/)] },
      })
    }
    expect(await api.stored('api')).toEqual(API)
  })

  test('needs the version that it is meant for', async () => {
    const body = { transport: 'sse', url: 'https://api.example.com/' }
    expect(await ask('PUT', 'api', { body })).toMatchObject({
      status: 428,
      body: { code: 'precondition_required' },
    })
    expect(await ask('PUT', 'api', { body, etag: '"old"' })).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    })
    const { etag } = await ask('GET', 'api')
    const both = await Promise.all(
      [1, 2].map((timeoutMs) => ask('PUT', 'api', { body: { ...body, timeoutMs }, etag })),
    )
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 412]))
    expect(await ask('PUT', 'api', { body, etag: `W/${etag}` })).toMatchObject({ status: 412 })
    expect(await ask('PUT', 'api', { body, etag: '*' })).toMatchObject({ status: 200 })
  })

  test('does not rename or move', async () => {
    const { etag } = await ask('GET', 'api')
    for (const change of [{ name: 'other' }, { tenantId: 'globex' }]) {
      expect(await ask('PUT', 'api', { etag, body: { ...API, headers: {}, ...change } })).toMatchObject({
        status: 422,
        body: { problems: [expect.stringMatching(/cannot be changed/)] },
      })
    }
  })

  test('repairs a document that is not valid', async () => {
    const { etag } = await ask('GET', 'broken')
    const body = { transport: 'sse', url: 'https://ok.example.com/' }
    expect(await ask('PUT', 'broken', { etag, body })).toMatchObject({ status: 200 })
    expect(await api.stored('broken')).toEqual(body)
  })
})

test('removing needs the version, and removes', async () => {
  expect(await ask('DELETE', 'api')).toMatchObject({ status: 428 })
  expect(await ask('DELETE', 'api', { etag: '"old"' })).toMatchObject({ status: 412 })
  const { etag } = await ask('GET', 'api')
  expect(await ask('DELETE', 'api', { etag })).toMatchObject({ status: 204, body: {} })
  expect(await ask('GET', 'api')).toMatchObject({ status: 404 })
  expect(await api.stored('api')).toBeUndefined()
})

test('other methods are refused with those that there are', async () => {
  expect(await ask('PATCH', 'api', { body: {} })).toMatchObject({ status: 405 })
})

test('every write is logged with who and what, and without values; refused ones are not', async () => {
  const { etag } = await ask('GET', 'api')
  await ask('PUT', 'api', { etag: '"old"', body: {} })
  expect(api.log()).toBe('')
  const { etag: next } = await ask('PUT', 'api', {
    etag,
    body: { ...API, auth: { kind: 'bearer', token: 'hunter3' } },
  })
  await ask('DELETE', 'api', { etag: next })
  await ask('POST', '', { body: { ...HTTP, headers: { k: 'hunter4' } } })
  const lines = api
    .log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const who = { subject: 'ann', callerTenant: 'acme', tenantId: 'acme', requestId: 'r1' }
  expect(lines).toMatchObject([
    { ...who, msg: 'server document replaced', server: 'api', fields: ['auth'] },
    { ...who, msg: 'server document removed', server: 'api' },
    { ...who, msg: 'server document created', server: 'fresh' },
  ])
  expect(api.log()).not.toMatch(/hunter/)
})

test('a registry that cannot be read is said to be unavailable', async () => {
  await writeFile(api.path, '{"servers": ')
  expect(await ask('GET', 'api')).toMatchObject({ status: 503, body: { code: 'store_unavailable' } })
})
