import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startTestRegistry, type TestRegistry } from '../../support/mcp-registry.ts'
import { PUBLISHED } from '../../support/registry-servers.ts'
import { openTestApp, type TestApp } from '../../support/test-app.ts'

const WEATHER = '/v1/registry/servers/io.github.someone%2Fweather'

let registry: TestRegistry
let app: TestApp
let operator: string

beforeAll(async () => {
  registry = await startTestRegistry(PUBLISHED)
  app = await openTestApp({}, { env: { MCP_REGISTRY_URL: registry.url } })
  operator = await app.token({ roles: ['operator', 'platform-admin'] })
})
afterAll(async () => {
  await app.close()
  registry.close()
})

describe('searching the MCP registry', () => {
  test('lists the newest versions page by page, and what each offers', async () => {
    const first = await app.rest(operator, 'GET', '/v1/registry/servers?query=weather')
    expect(registry.asked.at(-1)).toBe('/v0.1/servers?version=latest&limit=30&search=weather')
    expect(first.body).toMatchObject({
      servers: [
        {
          name: 'io.github.someone/weather',
          version: '1.2.3',
          status: 'active',
          choices: [{ kind: 'remote' }, { kind: 'package', isInstalled: false }],
        },
        { choices: [{ kind: 'package', package: '@modelcontextprotocol/server-files', isInstalled: true }] },
      ],
      nextCursor: '2',
    })
    const second = await app.rest(operator, 'GET', '/v1/registry/servers?query=weather&cursor=2')
    expect(second.body).toMatchObject({
      servers: [{ choices: [], unusable: ['a package of pypi over stdio'] }],
    })
  })

  test('shows no address that a browser would run', async () => {
    const { body } = await app.rest(operator, 'GET', WEATHER)
    expect(body['website']).toBe('https://weather.example/')
    expect(body).not.toHaveProperty('repository')
  })

  test('is for operators', async () => {
    const token = await app.token({ roles: ['reader'] })
    expect((await app.rest(token, 'GET', '/v1/registry/servers')).status).toBe(403)
  })

  test('says which server is not there', async () => {
    const { status, body } = await app.rest(operator, 'GET', '/v1/registry/servers/nobody%2Fnothing')
    expect([status, body['code'], body['detail']]).toEqual([
      404,
      'server_not_found',
      'The registry has no server nobody/nothing',
    ])
  })
})

describe('the draft of a server', () => {
  test('is a request that adds it, with what was filled in', async () => {
    const { body } = await app.rest(operator, 'POST', `${WEATHER}/draft`, {
      values: { region: 'eu', 'X-Api-Key': 'secret://local_weather' },
    })
    expect(body['missing']).toEqual([])
    expect(body['request']).toEqual({
      method: 'POST',
      path: '/v1/servers',
      body: {
        name: 'weather',
        transport: 'streamable-http',
        url: 'http://127.0.0.1:9/eu/mcp',
        headers: { 'X-Api-Key': 'secret://local_weather' },
        description: 'Forecasts <b>anywhere</b>',
      },
    })
  })

  test('names what is missing, and is disabled until then', async () => {
    const { body } = await app.rest(operator, 'POST', `${WEATHER}/draft`, {})
    expect(body).toMatchObject({
      document: { enabled: false },
      missing: [
        { name: 'X-Api-Key', isSecret: true },
        { name: 'region', choices: ['eu', 'us'] },
      ],
    })
  })

  test('installs packages that may be installed, and starts others with npx', async () => {
    const files = await app.rest(
      operator,
      'POST',
      '/v1/registry/servers/io.modelcontextprotocol%2Fweather-files/draft',
      { name: 'files', values: { folder: '/srv' } },
    )
    expect(files.body['request']).toEqual({
      method: 'POST',
      path: '/v1/servers/install',
      body: {
        package: '@modelcontextprotocol/server-files',
        version: '2.0.0',
        name: 'files',
        document: { args: ['/srv'] },
      },
    })
    const weather = await app.rest(operator, 'POST', `${WEATHER}/draft`, { choice: 1 })
    expect(weather.body['request']).toMatchObject({
      path: '/v1/servers',
      body: { command: 'npx', args: ['-y', '@someone/weather@1.2.3'], env: { UNITS: 'metric' } },
    })
  })

  test('of a server that offers nothing usable is refused with what it offers', async () => {
    const path = '/v1/registry/servers/io.github.other%2Fweather-python/draft'
    expect(await app.rest(operator, 'POST', path, {})).toMatchObject({
      status: 400,
      body: {
        detail: 'The server offers nothing that the gateway can use, but a package of pypi over stdio',
      },
    })
  })
})

describe('a registry that cannot be used is reported with the reason', () => {
  const ask = async (env: Record<string, string>): Promise<unknown> => {
    const other = await openTestApp({}, { env })
    const token = await other.token({ roles: ['operator'] })
    const { status, body } = await other.rest(token, 'GET', '/v1/registry/servers?query=x')
    await other.close()
    return [status, body['code'], body['detail']]
  }

  test('where the outbound policy forbids its address', async () => {
    expect(await ask({ MCP_REGISTRY_URL: registry.url, OUTBOUND_ADDRESSES: 'public' })).toEqual([
      502,
      'mcp_registry_unavailable',
      expect.stringMatching(/^The MCP registry cannot be used: .*OUTBOUND_ALLOW/),
    ])
  })

  test('where it does not answer', async () => {
    const gone = await startTestRegistry([])
    gone.close()
    expect(await ask({ MCP_REGISTRY_URL: gone.url })).toEqual([
      502,
      'mcp_registry_unavailable',
      expect.stringContaining('ECONNREFUSED'),
    ])
  })

  test('where the settings have none', async () => {
    expect(await ask({ MCP_REGISTRY_URL: 'off' })).toEqual([
      404,
      'not_found',
      'This gateway searches no MCP registry (MCP_REGISTRY_URL)',
    ])
  })
})
