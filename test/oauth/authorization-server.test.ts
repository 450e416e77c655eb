import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { cookieOf } from '../dashboard/sign-in.ts'
import { CookieBrowser } from '../support/cookie-browser.ts'
import {
  approvedClient,
  askToken,
  codeRequest,
  newClient,
  redeem,
  REDIRECT_URI,
  register,
  signIn,
} from '../support/oauth-client.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { openTestApp } from '../support/test-app.ts'

let gateway: TestGateway
let issuer: string
let browser: CookieBrowser

beforeAll(async () => {
  gateway = await startTestGateway({}, {})
  issuer = gateway.url
})
afterAll(() => gateway.close())
beforeEach(async () => {
  browser = new CookieBrowser(issuer)
  await signIn(browser, gateway.gateway.signInLink?.())
})

async function get(path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(issuer + path)).json()) as Record<string, unknown>
}

describe('the metadata', () => {
  test.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    'at %s names every endpoint, PKCE S256, public clients, metadata documents and iss',
    async (path) => {
      expect(await get(path)).toMatchObject({
        issuer,
        authorization_endpoint: `${issuer}/oauth/authorize`,
        token_endpoint: `${issuer}/oauth/token`,
        registration_endpoint: `${issuer}/oauth/register`,
        revocation_endpoint: `${issuer}/oauth/revoke`,
        jwks_uri: `${issuer}/oauth/jwks`,
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
        response_types_supported: ['code'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        client_id_metadata_document_supported: true,
        authorization_response_iss_parameter_supported: true,
      })
    },
  )

  test('of the resource names this server as the one to get tokens from', async () => {
    expect(await get('/.well-known/oauth-protected-resource/mcp')).toMatchObject({
      resource: `${issuer}/mcp`,
      authorization_servers: [issuer],
    })
  })

  test('of the keys shows no private one', async () => {
    const { keys } = (await get('/oauth/jwks')) as { keys: Record<string, unknown>[] }
    expect(keys).toEqual([
      {
        kty: 'EC',
        crv: 'P-256',
        alg: 'ES256',
        use: 'sig',
        kid: expect.any(String),
        x: expect.any(String),
        y: expect.any(String),
      },
    ])
  })

  test('can be read by pages of any origin, and so can the other endpoints of programs', async () => {
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/oauth/jwks',
      '/oauth/register',
      '/oauth/token',
    ]) {
      const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' }
      const response = await fetch(issuer + path, { method: 'OPTIONS', headers })
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    }
  })
})

describe('a client that a person approves', () => {
  test('gets a token that the gateway accepts as the person, with the agent that the consent shows', async () => {
    const { tokens } = await approvedClient(issuer, browser, { client_name: 'Probe' })
    expect(tokens).toMatchObject({
      token_type: 'Bearer',
      scope: 'mcp',
      expires_in: 3600,
      refresh_token: expect.any(String),
    })
    const token = String(tokens['access_token'])
    expect(decodeJwt(token)).toMatchObject({
      iss: issuer,
      aud: `${issuer}/mcp`,
      sub: 'you',
      tenant_id: 'local',
      roles: ['reader', 'operator', 'auditor'],
      agent: 'unverified:Probe',
    })
    expect(
      (await gateway.rest(token, 'POST', '/mcp', { jsonrpc: '2.0', id: 1, method: 'ping' })).status,
    ).not.toBe(401)
  })

  test('gets a token for the address that it asked for, and no other', async () => {
    const { tokens } = await approvedClient(issuer, browser)
    const { status, body } = await gateway.rest(String(tokens['access_token']), 'GET', '/v1/tools')
    expect([status, body['detail']]).toEqual([
      401,
      'The audience of the token is a different path of this gateway.',
    ])
  })

  test('gets one for everything when it asks for no resource, as older clients do', async () => {
    const clientId = await newClient(issuer)
    const flow = codeRequest(issuer, clientId, { resource: undefined })
    const back = await browser.submit(await browser.open(flow.url), { decision: 'allow' })
    const { body } = await redeem(issuer, { clientId, flow, back })
    expect((await gateway.rest(String(body['access_token']), 'GET', '/v1/tools')).status).toBe(200)
  })

  test('gets the code at its redirect URI, with the state and the issuer', async () => {
    const clientId = await newClient(issuer)
    const flow = codeRequest(issuer, clientId)
    const { url } = await browser.submit(await browser.open(flow.url), { decision: 'allow' })
    expect(`${url.origin}${url.pathname}`).toBe(REDIRECT_URI)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      code: expect.any(String),
      state: flow.state,
      iss: issuer,
    })
  })

  test('refreshes its token, and gets another refresh token each time', async () => {
    const { clientId, tokens } = await approvedClient(issuer, browser)
    const refresh = {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: String(tokens['refresh_token']),
    }
    const { status, body } = await askToken(issuer, refresh)
    expect([status, body['refresh_token'] === tokens['refresh_token']]).toEqual([200, false])
    const token = String(body['access_token'])
    expect(decodeJwt(token)).toMatchObject({ aud: `${issuer}/mcp`, sub: 'you', agent: 'unverified:Probe' })
  })
})

describe('the consent', () => {
  test('shows who asks, where the answer goes, the servers and the agent name', async () => {
    const clientId = await newClient(issuer, { client_name: 'Probe <b>' })
    const { text, status } = await browser.open(codeRequest(issuer, clientId).url)
    expect(status).toBe(200)
    for (const part of ['Probe &lt;b&gt;', '127.0.0.1:33418', 'unverified:Probe &lt;b&gt;', `${issuer}/mcp`])
      expect(text).toContain(part)
  })

  test('is asked for each time, also of a client that was approved before', async () => {
    const { clientId } = await approvedClient(issuer, browser)
    expect((await browser.open(codeRequest(issuer, clientId).url)).text).toContain(
      'Allow Probe to use your tools?',
    )
  })

  test('that is denied tells the client so', async () => {
    const clientId = await newClient(issuer)
    const flow = codeRequest(issuer, clientId)
    const { url } = await browser.submit(await browser.open(flow.url), { decision: 'deny' })
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: 'access_denied',
      state: flow.state,
      iss: issuer,
    })
  })

  test('comes after the sign-in where nobody is signed in, at the page that the client opened', async () => {
    const clientId = await newClient(issuer)
    const fresh = new CookieBrowser(issuer)
    const page = await fresh.open(codeRequest(issuer, clientId).url)
    expect(page.url.pathname).toBe('/signin')
    const code = new URL(gateway.gateway.signInLink?.() ?? '').searchParams.get('code') ?? ''
    expect((await fresh.submit(page, { code })).text).toContain('Allow Probe to use your tools?')
  })
})

describe('a registration', () => {
  test('makes a public client of whatever is asked for', async () => {
    const { status, body } = await register(issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'anything goes',
      grant_types: ['authorization_code'],
      logo_uri: 'https://evil.example/pixel.gif',
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [REDIRECT_URI],
    })
    expect(Object.keys(body)).not.toEqual(expect.arrayContaining(['client_secret']))
    expect(Object.keys(body)).not.toEqual(expect.arrayContaining(['logo_uri']))
  })
})

test('a gateway that cannot reach the sites of clients takes no metadata documents, and lets clients register', async () => {
  const app = await openTestApp({}, { env: { OAUTH_CLIENT_DOCUMENTS: 'off' } })
  try {
    const metadata = await app.request.get('/.well-known/oauth-authorization-server')
    expect(metadata.body).not.toHaveProperty('client_id_metadata_document_supported')
    expect(metadata.body).toMatchObject({ registration_endpoint: expect.stringContaining('/oauth/register') })
    const { pathname, search } = codeRequest(app.url, 'https://app.example/client.json').url
    const cookie = cookieOf(app, ['reader'])
    const { status, text } = await app.request.get(`${pathname}${search}`).set({ cookie })
    expect([status, text.includes('invalid_client')]).toEqual([400, true])
  } finally {
    await app.close()
  }
})
