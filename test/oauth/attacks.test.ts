import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { CookieBrowser, type Shown } from '../support/cookie-browser.ts'
import {
  approvedClient,
  askToken,
  codeRequest,
  type Flow,
  newClient,
  redeem,
  REDIRECT_URI,
  register,
  signIn,
} from '../support/oauth-client.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let issuer: string
let browser: CookieBrowser

beforeAll(async () => {
  gateway = await startTestGateway({})
  issuer = gateway.url
})
afterAll(() => gateway.close())
beforeEach(async () => {
  browser = new CookieBrowser(issuer)
  await signIn(browser, gateway.gateway.signInLink?.())
})

/** A client that was approved, and the code it got. */
async function withCode(): Promise<{ clientId: string; flow: Flow; back: Shown }> {
  const clientId = await newClient(issuer)
  const flow = codeRequest(issuer, clientId)
  return { clientId, flow, back: await browser.submit(await browser.open(flow.url), { decision: 'allow' }) }
}

async function statusWith(token: unknown): Promise<number> {
  return (await gateway.rest(String(token), 'POST', '/mcp', { jsonrpc: '2.0', id: 1, method: 'ping' })).status
}

describe('a redirect URI', () => {
  const asked = async (redirectUri: string | undefined, registered = [REDIRECT_URI]): Promise<Shown> => {
    const clientId = await newClient(issuer, { redirect_uris: registered })
    return await browser.open(codeRequest(issuer, clientId, { redirect_uri: redirectUri }).url)
  }

  test.each([
    ['of another site', 'https://evil.example/callback'],
    ['of another host', 'http://localhost:33418/callback'],
    ['with another path', 'http://127.0.0.1:33418/callback/more'],
    ['with a query', `${REDIRECT_URI}?next=https://evil.example`],
    ['with a user', 'http://x@127.0.0.1:33418/callback'],
    ['with another scheme', 'https://127.0.0.1:33418/callback'],
    ['that begins like the registered one', 'http://127.0.0.1:33418.evil.example/callback'],
    ['that is none', 'callback'],
    ['that is empty', ''],
  ])('%s is shown as an error here, and never followed', async (_what, redirectUri) => {
    const { url, status, text } = await asked(redirectUri)
    expect([url.origin, status]).toEqual([issuer, 400])
    expect(text).toContain('redirect_uri')
    expect(text).not.toContain('<form')
  })

  test('on another port of loopback is the same program, which has taken another port (RFC 8252)', async () => {
    expect((await asked('http://127.0.0.1:50123/callback')).text).toContain('127.0.0.1:50123')
  })

  test('on another port of a site is another one', async () => {
    const { status } = await asked('https://app.example:8443/callback', ['https://app.example/callback'])
    expect(status).toBe(400)
  })

  test('is the only place beside this one that the form of the consent can lead to', async () => {
    const { headers } = await asked('https://app.example/callback', ['https://app.example/callback'])
    expect(headers.get('content-security-policy')).toContain("form-action 'self' https://app.example;")
  })

  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'http://app.example/callback',
    'https://app.example/callback#fragment',
    'callback',
  ])('cannot be registered as %s', async (uri) => {
    const { status, body } = await register(issuer, { redirect_uris: [uri] })
    expect([status, body['error']]).toEqual([
      400,
      expect.stringMatching(/^invalid_(redirect_uri|client_metadata)$/),
    ])
  })
})

describe('a code', () => {
  test('is worth nothing to another client', async () => {
    const { flow, back } = await withCode()
    const other = await newClient(issuer)
    expect((await redeem(issuer, { clientId: other, flow, back })).body).toMatchObject({
      error: 'invalid_grant',
    })
  })

  test('injected into the flow of another browser is worth nothing without its verifier', async () => {
    const { clientId, back } = await withCode()
    const own = codeRequest(issuer, clientId)
    expect((await redeem(issuer, { clientId, flow: own, back })).body).toMatchObject({
      error: 'invalid_grant',
    })
  })

  test('is redeemed for the redirect URI that it was sent to only', async () => {
    const { clientId, flow, back } = await withCode()
    const changes = { redirect_uri: 'http://127.0.0.1:50123/callback' }
    expect((await redeem(issuer, { clientId, flow, back, changes })).body).toMatchObject({
      error: 'invalid_grant',
    })
  })

  test('that is replayed ends what the first use of it got', async () => {
    const { clientId, flow, back } = await withCode()
    const { body: tokens } = await redeem(issuer, { clientId, flow, back })
    expect(await statusWith(tokens['access_token'])).not.toBe(401)
    expect((await redeem(issuer, { clientId, flow, back })).body).toMatchObject({ error: 'invalid_grant' })
    expect(await statusWith(tokens['access_token'])).toBe(401)
    const refresh = {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: String(tokens['refresh_token']),
    }
    expect((await askToken(issuer, refresh)).body).toMatchObject({ error: 'invalid_grant' })
  })

  test('that is used twice at the same time gives tokens once', async () => {
    const { clientId, flow, back } = await withCode()
    const answers = await Promise.all([1, 2, 3, 4].map(() => redeem(issuer, { clientId, flow, back })))
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
  })
})

describe('PKCE', () => {
  test.each([
    ['left out', { code_challenge: undefined, code_challenge_method: undefined }],
    ['plain', { code_challenge_method: 'plain' }],
    ['of no method', { code_challenge_method: undefined }],
  ])('that is %s is refused', async (_what, changes) => {
    const clientId = await newClient(issuer)
    const { url } = await browser.open(codeRequest(issuer, clientId, changes).url)
    expect(url.searchParams.get('error')).toBe('invalid_request')
  })

  test('cannot be left out when the code is redeemed', async () => {
    const { clientId, flow, back } = await withCode()
    const { body } = await redeem(issuer, { clientId, flow: { ...flow, verifier: '' }, back })
    expect(body['error']).toMatch(/^invalid_(grant|request)$/)
  })
})

describe('a refresh token', () => {
  test('that is replayed ends its whole family, and the tokens that it gave', async () => {
    const { clientId, tokens } = await approvedClient(issuer, browser)
    const refresh = {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: String(tokens['refresh_token']),
    }
    const { body: next } = await askToken(issuer, refresh)
    expect(await statusWith(next['access_token'])).not.toBe(401)
    expect((await askToken(issuer, refresh)).body).toMatchObject({ error: 'invalid_grant' })
    const newest = { ...refresh, refresh_token: String(next['refresh_token']) }
    expect((await askToken(issuer, newest)).body).toMatchObject({ error: 'invalid_grant' })
    expect(await statusWith(next['access_token'])).toBe(401)
  })

  test('is worth nothing to another client', async () => {
    const { tokens } = await approvedClient(issuer, browser)
    const refresh = {
      grant_type: 'refresh_token',
      client_id: await newClient(issuer),
      refresh_token: String(tokens['refresh_token']),
    }
    expect((await askToken(issuer, refresh)).body).toMatchObject({ error: 'invalid_grant' })
  })

  test('that the client revokes ends the grant', async () => {
    const { clientId, tokens } = await approvedClient(issuer, browser)
    const body = new URLSearchParams({ client_id: clientId, token: String(tokens['refresh_token']) })
    expect((await fetch(`${issuer}/oauth/revoke`, { method: 'POST', body })).status).toBe(200)
    expect(await statusWith(tokens['access_token'])).toBe(401)
  })
})

describe('a consent', () => {
  test('is given by the browser that the request was made in only', async () => {
    const clientId = await newClient(issuer)
    const page = await browser.open(codeRequest(issuer, clientId).url)
    const other = new CookieBrowser(issuer)
    await signIn(other, gateway.gateway.signInLink?.())
    expect((await other.open(page.url)).status).toBe(404)
    expect((await other.submit(page, { decision: 'allow' })).status).toBe(403)
  })

  test('needs the csrf token of the session, and a page that cannot be framed', async () => {
    const clientId = await newClient(issuer)
    const page = await browser.open(codeRequest(issuer, clientId).url)
    expect((await browser.submit(page, { csrf: 'x', decision: 'allow' })).status).toBe(403)
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(page.headers.get('x-frame-options')).toBe('DENY')
  })

  test('of somebody who is not signed in leaves nothing behind', async () => {
    const clientId = await newClient(issuer)
    const stranger = new CookieBrowser(issuer)
    expect((await stranger.open(codeRequest(issuer, clientId).url)).url.pathname).toBe('/signin')
    expect(stranger.cookies('/oauth/interaction/x')).toBe('')
  })
})

describe('a metadata document', () => {
  test('at a private address is never asked for', async () => {
    let connections = 0
    const inside = createServer((socket) => {
      connections += 1
      socket.destroy()
    }).listen(0)
    await once(inside, 'listening')
    const address = inside.address()
    const port = typeof address === 'object' ? address?.port : 0
    try {
      for (const host of [
        '127.0.0.1',
        'localhost',
        '[::1]',
        '[::ffff:127.0.0.1]',
        '2130706433',
        '0x7f.1',
        '0.0.0.0',
      ]) {
        const clientId = `https://${host}:${port}/client.json`
        const { status, text } = await browser.open(codeRequest(issuer, clientId).url)
        expect([host, status, text.includes('invalid_client')]).toEqual([host, 400, true])
      }
      expect(connections).toBe(0)
    } finally {
      inside.close()
    }
  })

  test('is not fetched for a program that asks the token endpoint, unless a person approved the client', async () => {
    const { body } = await askToken(issuer, {
      grant_type: 'refresh_token',
      client_id: 'https://app.example/client.json',
      refresh_token: 'x',
    })
    expect(body).toMatchObject({ error: 'invalid_client' })
  })
})

test('an ID token is no access token', async () => {
  const clientId = await newClient(issuer)
  const flow = codeRequest(issuer, clientId, { scope: 'openid mcp' })
  const back = await browser.submit(await browser.open(flow.url), { decision: 'allow' })
  const { body } = await redeem(issuer, { clientId, flow, back })
  expect(body).toMatchObject({ id_token: expect.any(String) })
  expect(await statusWith(body['id_token'])).toBe(401)
})

test('registrations are limited, and the refusal says when to come again', async () => {
  let refused: Response | undefined
  for (let turn = 0; turn < 100 && refused === undefined; turn += 1) {
    const response = await fetch(`${issuer}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    if (response.status === 429) refused = response
  }
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
})
