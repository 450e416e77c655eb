import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { ANYWHERE } from '../../src/domain/outbound/outbound-policy.ts'
import { Outbound } from '../../src/outbound/outbound.ts'
import { CLIENT_HOST_TLS } from '../support/client-host-tls.ts'
import { CookieBrowser } from '../support/cookie-browser.ts'
import { askToken, codeRequest, redeem, REDIRECT_URI, signIn } from '../support/oauth-client.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let host: Server
let documents: Outbound
let upstream: HttpUpstream
let gateway: TestGateway
let issuer: string
let browser: CookieBrowser
let clientId: string
/** What the host of the client serves. */
let document: Record<string, unknown>

beforeAll(async () => {
  host = createServer(CLIENT_HOST_TLS, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
  }).listen(0, '127.0.0.1')
  await once(host, 'listening')
  const address = host.address()
  clientId = `https://client.example:${typeof address === 'object' ? address?.port : 0}/client.json`
  documents = new Outbound({
    policy: ANYWHERE,
    ca: CLIENT_HOST_TLS.cert,
    resolve: (_host, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  })
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  gateway = await startTestGateway(
    { sample: server, own: { ...server, agentAllowlist: [clientId] } },
    { documents },
  )
  issuer = gateway.url
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
  await documents.close()
  host.closeAllConnections()
  host.close()
})
beforeEach(async () => {
  document = {
    client_id: clientId,
    client_name: 'Paint Shop',
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'none',
  }
  browser = new CookieBrowser(issuer)
  await signIn(browser, gateway.gateway.signInLink?.())
})

test('a client that is known by its metadata document connects, calls a tool as that agent, and refreshes', async () => {
  const flow = codeRequest(issuer, clientId, { resource: issuer })
  const consent = await browser.open(flow.url)
  expect(consent.text).toContain('Allow Paint Shop to use your tools?')
  expect(consent.text).toContain('client.example')
  const back = await browser.submit(consent, { decision: 'allow' })
  const { status, body } = await redeem(issuer, { clientId, flow, back })
  expect(status).toBe(200)
  const listed = await gateway.rest(String(body['access_token']), 'GET', '/v1/whoami')
  expect(listed.body).toMatchObject({ agent: { name: clientId } })
  // The server `own` is for this agent alone.
  const tool = await gateway.rest(String(body['access_token']), 'POST', '/v1/tools/own_echo', {
    arguments: { text: 'hello' },
  })
  expect([tool.status, tool.body['isError']]).toEqual([200, false])
  const refreshed = await askToken(issuer, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: String(body['refresh_token']),
  })
  expect(refreshed.status).toBe(200)
})
