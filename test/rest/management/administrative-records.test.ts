import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { eventually } from '../../support/eventually.ts'
import { openTestApp, type TestApp } from '../../support/test-app.ts'

let app: TestApp
let operator: string
let auditor: string

beforeAll(async () => {
  app = await openTestApp({
    remote: { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp', enabled: false },
  })
  operator = await app.token({ subject: 'olga', roles: ['operator'], agent: 'console' })
  auditor = await app.token({ subject: 'aude', roles: ['auditor'] })
})

afterAll(() => app.close())

const acts = async (action: string): Promise<JsonObject[]> => {
  const { body } = await app.rest(auditor, 'GET', '/v1/audit?outcome=changed&limit=1000')
  return (body['records'] as JsonObject[]).filter((record) => record['action'] === action)
}

describe('an administrative act is a record', () => {
  test('that says who did what to which server, with the difference and no secret', async () => {
    const document = {
      name: 'weather',
      transport: 'streamable-http',
      url: 'http://127.0.0.1:9/mcp?key=url-secret',
      headers: { authorization: 'Bearer header-secret' },
      enabled: false,
    }
    const created = await app.rest(operator, 'POST', '/v1/servers', document)
    const edited = { ...document, headers: { authorization: 'Bearer new-secret' }, requiredRoles: ['reader'] }
    const match = { 'If-Match': String(created.body['etag']) }
    const replaced = await app.rest(operator, 'PUT', '/v1/servers/weather', edited, match)
    await app.rest(operator, 'DELETE', '/v1/servers/weather', undefined, { 'If-Match': '*' })

    expect([created.status, replaced.status]).toEqual([201, 200])
    expect(await acts('server.replace')).toEqual([
      expect.objectContaining({
        tenantId: 'local',
        subject: 'olga',
        agent: 'console',
        roles: ['operator'],
        action: 'server.replace',
        target: 'weather',
        server: 'weather',
        outcome: 'changed',
        change: {
          fields: [
            { field: 'headers.authorization', before: '********', after: '********' },
            { field: 'requiredRoles', after: ['reader'] },
          ],
        },
      }),
    ])
    expect(await acts('server.create')).toHaveLength(1)
    expect(await acts('server.remove')).toHaveLength(1)
    const all = JSON.stringify([...(await acts('server.create')), ...(await acts('server.remove'))])
    expect(all).not.toContain('secret')
  })

  test.each([
    ['server.stop', 'POST', '/v1/servers/remote/stop'],
    ['cache.clear', 'DELETE', '/v1/caches'],
  ])('%s is recorded', async (action, method, path) => {
    await app.rest(operator, method, path)

    expect(await acts(action)).toHaveLength(1)
  })

  test('and what was refused leaves none', async () => {
    await app.rest(operator, 'POST', '/v1/servers', { name: 'wrong' })
    await app.rest(operator, 'DELETE', '/v1/servers/remote', undefined, { 'If-Match': '"other"' })

    expect(await acts('server.create')).toHaveLength(1)
    expect(await acts('server.remove')).toHaveLength(1)
  })

  test('also where the registry file was edited directly: once, by whom is not known', async () => {
    const path = join(app.dataDir, 'registry.json')
    const registry = JSON.parse(await readFile(path, 'utf8')) as { servers: Record<string, JsonObject> }
    const edited = {
      ...registry.servers['remote'],
      requiredRoles: ['admin'],
      headers: { 'x-key': 'canary-1' },
    }
    await writeFile(path, JSON.stringify({ servers: { ...registry.servers, remote: edited } }))
    await app.registry.source.caughtUp({
      section: 'servers',
      tenantId: 'local',
      name: 'remote',
      etag: undefined,
    })

    const [record] = await eventually(
      async () => {
        const found = (await acts('server.replace')).filter(({ subject }) => subject === 'registry')
        return found.length > 0 && found
      },
      { what: 'the record of the edit' },
    )
    expect(record).toMatchObject({
      tenantId: 'local',
      subject: 'registry',
      face: 'registry',
      target: 'remote',
      change: {
        inRegistry: true,
        fields: [
          { field: 'headers.x-key', after: '********' },
          { field: 'requiredRoles', after: ['admin'] },
        ],
      },
    })
    expect(await acts('server.replace')).toHaveLength(2)
    expect(JSON.stringify(record)).not.toContain('canary')
  })

  test('and does not count as a call of the tenant', async () => {
    const { body } = await app.rest(operator, 'GET', '/v1/tenant')

    expect(body['use']).toEqual(
      expect.objectContaining({ calls: { ok: 0, tool_error: 0, error: 0, denied: 0, cancelled: 0 } }),
    )
  })
})
