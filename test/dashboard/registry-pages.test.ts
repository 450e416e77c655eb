import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startTestRegistry, type TestRegistry } from '../support/mcp-registry.ts'
import { PUBLISHED } from '../support/registry-servers.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { cookieOf, csrfOf } from './sign-in.ts'

const WEATHER = '/dashboard/add-server/registry?server=io.github.someone%2Fweather&choice=0'

let registry: TestRegistry
let app: TestApp
let cookie: string

beforeAll(async () => {
  registry = await startTestRegistry(PUBLISHED)
  app = await openTestApp({}, { env: { MCP_REGISTRY_URL: registry.url } })
  cookie = cookieOf(app, ['reader', 'operator', 'platform-admin'])
})
afterAll(async () => {
  await app.close()
  registry.close()
})

async function open(path: string): Promise<string> {
  const { text } = await app.request.get(path).set('accept', 'text/html').set('cookie', cookie)
  return text
}

async function send(
  path: string,
  fields: object,
): Promise<{ headers: Record<string, string>; text: string }> {
  return await app.request
    .post(path)
    .type('form')
    .set('cookie', cookie)
    .send({ csrf: await csrfOf(app, cookie), ...fields })
}

test('nothing is asked of the registry before a person searches', async () => {
  const before = registry.asked.length
  expect(await open('/dashboard/add-server')).toContain('Search the MCP registry')
  expect(registry.asked.length).toBe(before)
})

test('what was found can be chosen, and what this gateway cannot use says why', async () => {
  const text = await open('/dashboard/add-server?kind=registry&query=weather')
  expect(text).toContain('Forecasts &lt;b&gt;anywhere&lt;/b&gt;')
  expect(text).toContain('/dashboard/add-server/registry?server=io.github.someone%2Fweather')
  expect(text).not.toContain('javascript:')
  const second = await open('/dashboard/add-server?kind=registry&query=weather&cursor=2')
  expect(second).toContain('a package of pypi over stdio')
  expect(second).toContain('Not usable here')
})

test('the form asks for what the publisher names, and hides what is typed as a secret', async () => {
  const text = await open(WEATHER)
  expect(text).toMatch(/name="value\/X-Api-Key"\s+type="password"/)
  expect(text).toMatch(/<select id="value\/region"[^]*<option value="eu"/)
})

test('what is missing is named, what it would do is shown, and then it is added', async () => {
  const filled = { name: 'weather', 'value/region': 'eu', requiredRoles: 'reader' }
  const missing = await send(WEATHER, { ...filled, action: 'add' })
  expect(missing.text).toContain('Fill in X-Api-Key')
  const whole = { ...filled, 'value/X-Api-Key': 'hunter2' }
  const checked = await send(WEATHER, { ...whole, action: 'check' })
  expect(checked.text).toContain('It may be used with the role reader.')
  expect(checked.text).toMatch(/&quot;X-Api-Key&quot;: &quot;\*{8}&quot;/)
  const token = await app.token({ roles: ['operator'] })
  expect((await app.rest(token, 'GET', '/v1/servers/weather')).status).toBe(404)
  const added = await send(WEATHER, { ...whole, action: 'add' })
  expect(added.headers['location']).toBe('/dashboard/servers/weather')
  const { body } = await app.rest(token, 'GET', '/v1/servers/weather')
  expect(body['document']).toMatchObject({
    url: 'http://127.0.0.1:9/eu/mcp',
    headers: { 'X-Api-Key': '********' },
    requiredRoles: ['reader'],
  })
  expect((await send(WEATHER, { ...whole, action: 'check' })).text).toContain(
    'There is a server of this name',
  )
})

test('the other forms say what adding would do, too', async () => {
  const fields = { kind: 'package', package: '@modelcontextprotocol/server-memory', action: 'check' }
  const { text } = await send('/dashboard/add-server', fields)
  expect(text).toContain('Everybody in the tenant may use it.')
  expect(text).toContain('&quot;name&quot;: &quot;memory&quot;')
})
