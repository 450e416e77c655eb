import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { cookieOf, csrfOf } from '../dashboard/sign-in.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

let app: TestApp
const links: string[] = []
beforeAll(async () => {
  app = await openTestApp({}, { onSignInLink: (url) => links.push(url) })
})
afterAll(() => app.close())

/** The path and query of a new one-time link. */
function linkPath(): string {
  const link = new URL(app.oauth.signInLink?.() ?? '')
  return `${link.pathname}${link.search}`
}

function newCode(): string {
  return new URL(app.oauth.signInLink?.() ?? '').searchParams.get('code') ?? ''
}

async function submit(form: { code?: string; return?: string }) {
  return await app.request.post('/signin').type('form').send(form)
}

async function signedInCookie(): Promise<string> {
  const { headers } = await submit({ code: newCode() })
  return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? ''
}

describe('the sign-in of the embedded mode', () => {
  test('is one page with one button, behind the one-time link', async () => {
    const { status, text, headers } = await app.request.get(linkPath())
    expect(status).toBe(200)
    expect(text.match(/<button/g)).toHaveLength(1)
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    )
  })

  test('opening the link does not use it, so that a preview of it does no harm', async () => {
    const path = linkPath()
    await app.request.get(path)
    const { text } = await app.request.get(path)
    expect(text).toContain('Sign in to the gateway on this machine, as its owner')
  })

  test('signs the owner in, and leads back to where the browser came from', async () => {
    const { status, headers } = await submit({ code: newCode(), return: '/dashboard?tab=1' })
    expect([status, headers['location']]).toEqual([303, '/dashboard?tab=1'])
    const session = await app.identity.browserSessions.read(headers['set-cookie']?.[0]?.split(';', 1)[0])
    expect(session?.principal).toMatchObject({
      tenantId: 'local',
      subject: 'you',
      agent: 'browser',
      roles: ['reader', 'operator', 'auditor', 'platform-admin'],
      issuer: 'urn:tool-gateway:local',
    })
  })

  test('takes the whole link in place of the code', async () => {
    const { status } = await submit({ code: `  ${app.oauth.signInLink?.()}&return=%2F ` })
    expect(status).toBe(303)
  })

  test('does not sign in without a code, with a used one, or with another', async () => {
    const used = newCode()
    await submit({ code: used })
    for (const form of [{}, { code: used }, { code: 'x'.repeat(43) }, { code: '' }]) {
      const { status, headers } = await submit(form)
      expect([status, headers['set-cookie']]).toEqual([403, undefined])
    }
  })

  test('shows a link at the terminal when a browser comes without one, and not for each of many requests', async () => {
    links.length = 0
    for (let turn = 0; turn < 5; turn += 1) await app.request.get('/signin?return=/dashboard')
    expect(links).toEqual([
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:8080\/signin\?code=[\w-]{43}&return=%2Fdashboard$/),
    ])
  })

  test('leads a browser that is signed in straight to where it wants to go', async () => {
    const { status, headers } = await app.request
      .get('/signin?return=/dashboard')
      .set('cookie', await signedInCookie())
    expect([status, headers['location']]).toEqual([303, '/dashboard'])
  })

  test('a page of another site cannot send the form', async () => {
    const { status } = await app.request
      .post('/signin')
      .set('origin', 'https://evil.example')
      .type('form')
      .send({ code: newCode() })
    expect(status).toBe(403)
  })

  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    '/\t/evil.example',
    '\\/evil.example',
    'javascript:alert(1)',
    '/..//evil.example',
    '/%0d%0aset-cookie:x',
    ' /dashboard',
    'x'.repeat(7000),
  ])('never leads to another origin: %p', async (target) => {
    const { status, headers } = await submit({ code: newCode(), return: target })
    expect(status).toBe(303)
    const { origin } = new URL(headers['location'] ?? '', 'http://127.0.0.1:8080')
    expect(origin).toBe('http://127.0.0.1:8080')
    expect(headers['location']).toMatch(/^\/(?![/\\])/)
  })

  test('what comes in a query is shown as text', async () => {
    const { text } = await app.request.get(
      `/signin?return=${encodeURIComponent('/"><script>alert(1)</script>')}`,
    )
    expect(text).not.toContain('<script')
  })
})

describe('the sign-out', () => {
  test('ends the session, also for a copy of its cookie', async () => {
    const cookie = await signedInCookie()
    const { browserSessions } = app.identity
    const csrf = (await browserSessions.read(cookie))?.csrfToken ?? ''
    const { status, headers } = await app.request
      .post('/signout')
      .set('cookie', cookie)
      .type('form')
      .send({ csrf })
    expect([status, headers['set-cookie']?.[0]]).toEqual([200, expect.stringContaining('Max-Age=0')])
    expect(await browserSessions.read(cookie)).toBeUndefined()
  })

  test('says to the person when it could not be kept, and signs the browser out', async () => {
    const other = await openTestApp({})
    const cookie = cookieOf(other, ['reader'])
    const csrf = await csrfOf(other, cookie)
    await other.state.store.close()
    const { status, text, headers } = await other.request
      .post('/signout')
      .set('cookie', cookie)
      .type('form')
      .send({ csrf })
    expect([status, headers['set-cookie']?.[0]]).toEqual([503, expect.stringContaining('Max-Age=0')])
    expect(headers['retry-after']).toBe('1')
    expect(text).toContain('The gateway could not keep this')
    await other.close()
  })

  test('needs the csrf token of the session', async () => {
    const cookie = await signedInCookie()
    const { status } = await app.request
      .post('/signout')
      .set('cookie', cookie)
      .type('form')
      .send({ csrf: 'x' })
    expect(status).toBe(403)
    expect(await app.identity.browserSessions.read(cookie)).toBeDefined()
  })
})

test('there is no sign-in where no identity provider is set up for persons', async () => {
  const cloud = await openTestApp({}, { env: { LOCAL_ISSUER: 'off' } })
  try {
    const { status, text } = await cloud.request.get('/signin')
    expect([status, text.includes('There is no sign-in here')]).toEqual([404, true])
  } finally {
    await cloud.close()
  }
})
