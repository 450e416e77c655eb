import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { CookieBrowser } from '../support/cookie-browser.ts'
import { codeRequest, newClient, redeem, register, signIn } from '../support/oauth-client.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let upstream: HttpUpstream
let gateway: TestGateway
let issuer: string
let browser: CookieBrowser

beforeAll(async () => {
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  gateway = await startTestGateway(
    { open: server, trusting: { ...server, agentAllowlist: ['planner'] } },
    { env: { TRUST_AGENT_HEADER: 'local' } },
  )
  issuer = gateway.url
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})
beforeEach(async () => {
  browser = new CookieBrowser(issuer)
  await signIn(browser, gateway.gateway.signInLink?.())
})

describe('a client that registers itself', () => {
  const serversOf = async (token: unknown, headers: Record<string, string> = {}) =>
    await gateway.rest(String(token), 'GET', '/v1/tools?limit=1000', undefined, headers)

  async function tokenFor(metadata: Record<string, unknown>): Promise<unknown> {
    const clientId = await newClient(issuer, metadata)
    const flow = codeRequest(issuer, clientId, { resource: issuer })
    const back = await browser.submit(await browser.open(flow.url), { decision: 'allow' })
    return (await redeem(issuer, { clientId, flow, back })).body['access_token']
  }

  test.each([
    { client_name: 'planner' },
    { client_name: ' planner ' },
    { client_name: 'x', agent: 'planner', client_id: 'planner' },
    { client_name: 'ｐｌａｎｎｅｒ' },
  ])('cannot take the name of an agent that a server trusts: %p', async (metadata) => {
    const { body } = await serversOf(await tokenFor(metadata))
    const names = (body['tools'] as { server: string }[]).map(({ server }) => server)
    expect([...new Set(names)]).toEqual(['open'])
  })

  test('cannot take it by the header that trusted programs may send', async () => {
    const { status, body } = await serversOf(await tokenFor({ client_name: 'planner' }), {
      'x-agent-name': 'planner',
    })
    expect([status, body['code']]).toEqual([403, 'agent_not_allowed'])
  })

  test('gets no token for a resource that is not here', async () => {
    const clientId = await newClient(issuer)
    for (const resource of ['https://other.example/mcp', `${issuer}.evil.example/mcp`, `${issuer}/mcp#x`]) {
      const { url } = await browser.open(codeRequest(issuer, clientId, { resource }).url)
      expect(url.searchParams.get('error')).toBe('invalid_target')
    }
  })

  test('has no more than a bounded number of redirect URIs, and bytes', async () => {
    const many = Array.from({ length: 21 }, (_, n) => `https://app.example/${n}`)
    expect((await register(issuer, { redirect_uris: many })).status).toBe(400)
    expect(
      (await register(issuer, { redirect_uris: [`https://app.example/${'x'.repeat(3000)}`] })).status,
    ).toBe(400)
    expect((await register(issuer, { client_name: 'x'.repeat(17_000) })).status).toBe(413)
  })
})
