import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { decodeJwt } from 'jose'
import { CookieBrowser, type Shown } from '../support/cookie-browser.ts'
import { codeRequest, newClient, redeem } from '../support/oauth-client.ts'
import { NotingProvider } from '../support/oauth-provider.ts'
import { type PersonProvider, startPersonProvider } from '../support/person-provider.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { freePort } from '../support/free-port.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let acme: PersonProvider
let globex: PersonProvider
let gateway: TestGateway
let upstream: HttpUpstream
let browser: CookieBrowser
let issuer: string

const signIn = { clientId: 'gateway', clientSecret: 'secret://acme_idp' }

beforeAll(async () => {
  process.env['IDP_SECRET'] = 'secret-of-the-gateway-at-the-provider'
  const port = await freePort()
  issuer = `http://127.0.0.1:${port}`
  acme = await startPersonProvider(() => `${issuer}/signin/callback/acme`)
  globex = await startPersonProvider(() => `${issuer}/signin/callback/globex`)
  upstream = await modernHttp()
  gateway = await startTestGateway(
    { sample: { tenantId: '*', transport: 'streamable-http', url: upstream.url } },
    {
      env: {
        PORT: String(port),
        LOCAL_ISSUER: 'off',
        OAUTH_SERVER: 'on',
        SECRETS_ENV: 'acme_idp=IDP_SECRET,globex_idp=IDP_SECRET',
      },

      tenants: {
        acme: {
          issuers: [
            {
              issuer: acme.url,
              claims: { roles: 'groups' },
              signIn: { ...signIn, roles: { staff: ['reader'], admins: ['reader', 'operator'] } },
            },
          ],
        },
        globex: {
          issuers: [
            {
              issuer: globex.url,
              claims: { roles: 'groups' },
              signIn: { ...signIn, clientSecret: 'secret://globex_idp' },
            },
          ],
        },
      },
    },
  )
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
  await acme.close()
  await globex.close()
})
beforeEach(() => {
  browser = new CookieBrowser(issuer, acme.url, globex.url)
})

/** Opens a page that needs a person, and signs in as one of a tenant. */
async function signedIn(tenant: string, page: URL): Promise<Shown> {
  const asked = await browser.open(page)
  expect(asked.text).toContain('Organisation')
  const url = new URL('/signin', issuer)
  url.searchParams.set('tenant', tenant)
  url.searchParams.set('return', `${page.pathname}${page.search}`)
  return await browser.open(url)
}

async function tokenOf(tenant: string): Promise<string> {
  const clientId = await newClient(issuer)
  const flow = codeRequest(issuer, clientId, { resource: issuer })
  const back = await browser.submit(await signedIn(tenant, flow.url), { decision: 'allow' })
  return String((await redeem(issuer, { clientId, flow, back })).body['access_token'])
}

describe('a person of a tenant', () => {
  test("signs in at the tenant's own provider, with the roles that its groups stand for", async () => {
    acme.next = { sub: 'ann', claims: { groups: ['staff', 'others'] } }
    expect(decodeJwt(await tokenOf('acme'))).toMatchObject({
      tenant_id: 'acme',
      sub: 'ann',
      roles: ['reader'],
      iss: issuer,
    })
  })

  test('has the groups as roles where the tenant maps none', async () => {
    globex.next = { sub: 'ann', claims: { groups: ['operator'] } }
    expect(decodeJwt(await tokenOf('globex'))).toMatchObject({
      tenant_id: 'globex',
      sub: 'ann',
      roles: ['operator'],
    })
  })

  test('is of the tenant whose provider it is, whatever the provider says', async () => {
    globex.next = { sub: 'eve', claims: { groups: ['operator'], tenant_id: 'acme' } }
    expect(decodeJwt(await tokenOf('globex'))).toMatchObject({ tenant_id: 'globex' })
  })

  test('sees and ends grants of the own tenant only', async () => {
    acme.next = { sub: 'ann', claims: { groups: ['admins'] } }
    const ofAcme = await tokenOf('acme')
    browser = new CookieBrowser(issuer, acme.url, globex.url)
    globex.next = { sub: 'ann', claims: { groups: ['operator'] } }
    const ofGlobex = await tokenOf('globex')
    const { body } = await gateway.rest(ofGlobex, 'GET', '/v1/grants')
    const foreign = ((await gateway.rest(ofAcme, 'GET', '/v1/grants')).body['grants'] as { id: string }[])[0]
    expect((body['grants'] as { id: string }[]).map(({ id }) => id)).not.toContain(foreign?.id)
    expect((await gateway.rest(ofGlobex, 'DELETE', `/v1/grants/${foreign?.id}`)).status).toBe(404)
  })
})

describe('an answer of a provider', () => {
  /** Where the provider would send the browser back to. */
  async function answer(tenant: string): Promise<{ begun: CookieBrowser; callback: URL }> {
    const begun = new CookieBrowser(issuer, acme.url, globex.url)
    const callback = await begun.openUntil(new URL(`/signin?tenant=${tenant}`, issuer), (url) =>
      url.pathname.startsWith('/signin/callback'),
    )
    return { begun, callback }
  }

  test('counts in the browser that asked, once', async () => {
    acme.next = { sub: 'ann', claims: { groups: ['staff'] } }
    const { begun, callback } = await answer('acme')
    expect((await browser.open(callback)).status).toBe(400)
    expect((await begun.open(callback)).text).toContain('You are signed in')
    const again = new URL(callback)
    expect((await begun.open(again)).status).toBe(400)
  })

  test.each([
    ['the state is another', (url: URL) => url.searchParams.set('state', 'another')],
    ['there is no state', (url: URL) => url.searchParams.delete('state')],
    ['the issuer is another', (url: URL) => url.searchParams.set('iss', globex.url)],
    ['the code is another', (url: URL) => url.searchParams.set('code', 'x'.repeat(43))],
  ])('is refused when %s', async (_what, change) => {
    const { begun, callback } = await answer('acme')
    change(callback)
    const { status, text } = await begun.open(callback)
    expect([status, text.includes('The sign-in failed')]).toEqual([502, true])
    expect((await begun.open('/signin')).text).toContain('Organisation')
  })

  test("is refused at the address of another tenant's provider (mix-up)", async () => {
    const { begun, callback } = await answer('acme')
    callback.pathname = '/signin/callback/globex'
    expect((await begun.open(callback)).status).toBe(400)
  })
})

test.each([
  ['legacy', {}],
  ['modern', { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
] as const)(
  'a %s client of the SDK connects by the address alone for a person of each tenant, and calls a tool',
  async (_era, options) => {
    for (const tenant of ['acme', 'globex']) {
      browser = new CookieBrowser(issuer, acme.url, globex.url)
      const provider = new NotingProvider()
      const open = (): StreamableHTTPClientTransport =>
        new StreamableHTTPClientTransport(new URL('/mcp', issuer), { authProvider: provider })
      const info = { name: 'probe', version: '1' }
      await expect(new Client(info, options).connect(open())).rejects.toThrow('Unauthorized')
      const asked = new URL(provider.address ?? '')
      const back = await browser.submit(await signedIn(tenant, asked), { decision: 'allow' })
      await open().finishAuth(back.url.searchParams)
      const client = new Client(info, options)
      await client.connect(open())
      const { content } = await client.callTool({ name: 'sample_echo', arguments: { text: tenant } })
      expect(content).toEqual([{ type: 'text', text: `{"text":"${tenant}"}` }])
      expect(decodeJwt(provider.stored?.access_token ?? '')).toMatchObject({ tenant_id: tenant })
      await client.close()
    }
  },
)

test('an organisation that is not known leads nowhere', async () => {
  expect((await browser.open('/signin?tenant=initech')).text).toContain(
    'This organisation has no sign-in here',
  )
})
