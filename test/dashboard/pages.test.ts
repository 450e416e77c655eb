import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { cookieOf, csrfOf } from './sign-in.ts'

const OPERATOR = ['reader', 'operator', 'auditor', 'platform-admin']

let app: TestApp
let cookie: string
beforeAll(async () => {
  app = await openTestApp({
    shop: {
      transport: 'streamable-http',
      url: 'https://shop.example/mcp',
      enabled: false,
      description: '<b>Shop</b>',
    },
  })
  cookie = cookieOf(app, OPERATOR)
})
afterAll(() => app.close())

async function open(path: string, as: string | undefined = cookie) {
  const request = app.request.get(path).set('accept', 'text/html')
  return await (as === '' ? request : request.set('cookie', as))
}

async function send(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  return await app.request
    .post(path)
    .type('form')
    .set({ cookie, ...headers })
    .send(fields)
}

describe('the first page', () => {
  test('shows a browser the address to paste, and programs what they got before', async () => {
    const { status, text } = await open('/', '')
    expect(status).toBe(200)
    expect(text).toContain('http://127.0.0.1:8080/mcp')
    expect(text).toContain('href="/signin?return=%2F"')
    const program = await app.request.get('/').set('accept', '*/*')
    expect(program.status).toBe(401)
    expect(program.body).toMatchObject({ code: 'missing_token' })
  })
})

describe('pages of the dashboard', () => {
  test('lead browsers without a session to the sign-in, and back', async () => {
    const { status, headers } = await open('/dashboard/servers?x=1', '')
    expect([status, headers['location']]).toEqual([303, '/signin?return=%2Fdashboard%2Fservers%3Fx%3D1'])
  })

  test('answer a live part of a page with 401 once the session has ended', async () => {
    const { status, text } = await app.request.get('/dashboard').set('hx-request', 'true')
    expect([status, text]).toEqual([401, 'Unauthorized'])
  })

  test('have a strict content security policy', async () => {
    const { headers } = await open('/dashboard')
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    expect(headers['cache-control']).toBe('private, no-store')
  })

  test('escape what documents say', async () => {
    const { text } = await open('/dashboard/servers')
    expect(text).toContain('&lt;b&gt;Shop&lt;/b&gt;')
    expect(text).not.toContain('<b>Shop</b>')
  })

  test('load files whose addresses change with their content', async () => {
    const { text } = await open('/dashboard')
    const [address = ''] = /\/dashboard\/assets\/[0-9a-f]{12}\/dashboard\.css/.exec(text) ?? []
    const { status, headers } = await app.request.get(address)
    expect([status, headers['cache-control'], headers['content-type']]).toEqual([
      200,
      'public, max-age=31536000, immutable',
      'text/css; charset=utf-8',
    ])
    expect((await open('/dashboard/assets/000000000000/dashboard.css', '')).status).toBe(303)
  })

  test('that do not exist say so in words', async () => {
    const { status, text } = await open('/dashboard/nothing')
    expect(status).toBe(404)
    expect(text).toContain('There is no such page')
    expect((await open('/dashboard/servers/nothing')).text).toContain('Unknown server: nothing')
  })

  test('are not there where a setting says so', async () => {
    const without = await openTestApp({}, { env: { DASHBOARD: 'off' } })
    const { status } = await without.request.get('/dashboard').set('accept', 'text/html')
    await without.close()
    expect(status).toBe(401)
  })
})

test('the overview says when usage records were signed last, to auditors', async () => {
  const token = await app.token({ roles: ['auditor'] })
  await eventually(async () => {
    const { body } = await app.rest(token, 'GET', '/v1/audit/chain')
    return body['isDelivering'] === true && typeof body['signedAt'] === 'string'
  })
  expect((await open('/dashboard')).text).toMatch(/Usage records<\/a>[^]*<dd>signed<\/dd>/)
  expect((await open('/dashboard', cookieOf(app, ['operator']))).text).not.toContain('Usage records')
})

describe('writes', () => {
  const added = { kind: 'address', name: 'added', url: 'https://added.example/mcp', transport: 'http' }

  test('need the token of the session', async () => {
    for (const csrf of ['', 'wrong', await csrfOf(app, cookieOf(app, OPERATOR))]) {
      const { status, text } = await send('/dashboard/add-server', { ...added, csrf })
      expect(status).toBe(403)
      expect(text).toContain('The form was not sent from a page of this session')
    }
    expect((await open('/dashboard/servers/added')).status).toBe(404)
  })

  test('of other sites are refused even with the token', async () => {
    for (const site of ['cross-site', 'same-site', 'none']) {
      const { status } = await send(
        '/dashboard/add-server',
        { ...added, csrf: await csrfOf(app, cookie) },
        { 'sec-fetch-site': site },
      )
      expect(status).toBe(403)
    }
  })

  test('do what REST does: a server is added, edited, and removed', async () => {
    const csrf = await csrfOf(app, cookie)
    const created = await send(
      '/dashboard/add-server',
      { ...added, csrf },
      { 'sec-fetch-site': 'same-origin' },
    )
    expect([created.status, created.headers['location']]).toEqual([303, '/dashboard/servers/added'])

    const { text } = await open('/dashboard/servers/added/edit')
    const [, etag = ''] = /name="etag" value="([^"]*)"/.exec(text) ?? []
    const document = JSON.stringify({
      transport: 'http',
      url: 'https://added.example/other',
      requiredRoles: ['x'],
    })
    const path = '/dashboard/servers/added/edit'
    const stale = await send(path, { csrf, document, etag: '"other"', action: 'save' })
    expect(stale.text).toContain('<code>precondition_failed</code>')
    const saved = await send(path, { csrf, document, etag: etag.replaceAll('&quot;', '"'), action: 'save' })
    expect([saved.status, saved.headers['location']]).toEqual([303, '/dashboard/servers/added'])
    const token = await app.token({ roles: OPERATOR })
    const { body } = await app.rest(token, 'GET', '/v1/servers/added')
    expect(body['document']).toMatchObject({ url: 'https://added.example/other', requiredRoles: ['x'] })

    const removed = await send('/dashboard/servers/added', { csrf, action: 'remove' })
    expect(removed.headers['location']).toBe('/dashboard/servers')
    expect((await app.rest(token, 'GET', '/v1/servers/added')).status).toBe(404)
  })

  test('say what is wrong, and keep what was entered', async () => {
    const { status, text } = await send('/dashboard/add-server', {
      ...added,
      url: 'nonsense',
      csrf: await csrfOf(app, cookie),
    })
    expect(status).toBe(200)
    expect(text).toContain('<code>invalid_document</code>')
    expect(text).toContain('value="nonsense"')
  })
})

describe('what happened', () => {
  test('is listed with who, what and how it ended, and exported without formulas', async () => {
    const token = await app.token({ subject: '=cmd()', roles: ['reader'] })
    await app.rest(token, 'POST', '/v1/tools/shop_buy', { arguments: {} })
    const { text } = await open('/dashboard/activity?outcome=denied')
    expect(text).toContain('shop_buy')
    expect(text).toContain('unknown-target')
    const csv = await open('/dashboard/activity/export?format=csv&subject=%3Dcmd()')
    expect(csv.headers['content-disposition']).toBe('attachment; filename=activity-1.csv')
    expect(csv.text).toMatch(/^at,subject,agent.*\r\n[^,]+,'=cmd\(\),/)
    for (const target of [' =1+1', '\n@SUM(1)', '＝1+1'])
      await app.rest(token, 'POST', `/v1/tools/${encodeURIComponent(target)}`, { arguments: {} })
    const found = await open('/dashboard/activity/export?format=csv&subject=%3Dcmd()')
    for (const shown of [",' =1+1,", `,"'\n@SUM(1)",`, ",'＝1+1,"]) expect(found.text).toContain(shown)
    const lines = await open('/dashboard/activity/export?format=jsonl&outcome=ok')
    expect([lines.status, lines.text]).toEqual([200, ''])
  })
})

describe('questions about access', () => {
  test('are answered as REST does, and the matrix shows who may use what', async () => {
    const { text } = await open('/dashboard/access?kind=server&name=shop&roles=x')
    expect(text).toContain('shop may not be used')
    expect(text).toContain('<code>disabled</code>')
    expect(text).toContain('Who may use what')
  })
})

describe('sessions, caches and connections', () => {
  test('a session that is not there is said so', async () => {
    const { text } = await send('/dashboard/sessions', {
      csrf: await csrfOf(app, cookie),
      kind: 'session',
      id: 'none',
    })
    expect(text).toContain('<code>session_not_found</code>')
    expect(text).toContain('No client is connected')
  })

  test('a cache is cleared', async () => {
    const { text } = await send('/dashboard/caches', { csrf: await csrfOf(app, cookie), cache: 'results' })
    expect(text).toContain('Cleared: 0 entries of Results of tools')
  })

  test('without servers that ask for an account there is nothing to connect', async () => {
    expect((await open('/dashboard/connections')).text).toContain('No server asks for an account of yours')
  })
})

describe('roles', () => {
  test('somebody without the role of an operator sees the own servers only, and no way to others', async () => {
    const reader = cookieOf(app, ['reader'])
    const { text } = await open('/dashboard', reader)
    expect(text).toContain('The servers whose tools you can use.')
    expect(text).not.toContain('/dashboard/servers')
    const refused = await open('/dashboard/servers', reader)
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('This needs the role operator')
  })

  test('a person of another tenant sees nothing of this one', async () => {
    const { text, status } = await open('/dashboard/servers', cookieOf(app, OPERATOR, 'globex'))
    expect(status).toBe(200)
    expect(text).not.toContain('shop')
  })
})
