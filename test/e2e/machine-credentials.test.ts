import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose'
import pino from 'pino'
import { textIn } from '../support/account-world.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, TRANSPORTS } from '../support/mcp-clients.ts'
import { CLIENT_SECRET, PRIVATE_KEY, TokenIssuer, TokenServer } from '../support/machine-world.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const ASSERTION_LIFETIME = 30
/** All servers but the one whose client has a wrong secret. */
const READY = 8
let issuer: TokenIssuer
let second: TokenIssuer
let server: TokenServer
let asserted: TokenServer
let redeemed: TokenServer
/** Takes every request, with a token or without. */
let open: TokenServer
let gateway: TestGateway
let log = ''

beforeAll(async () => {
  ;[issuer, second] = await Promise.all([TokenIssuer.start(), TokenIssuer.start()])
  second.trusted.set(issuer.url, issuer.key)
  server = await TokenServer.start({ verify: issuedBy(issuer, () => server.url), issuer: issuer.url })
  redeemed = await TokenServer.start({ verify: issuedBy(second, () => redeemed.url), issuer: second.url })
  open = await TokenServer.start({ verify: () => Promise.resolve({ sub: 'anybody' }) })
  asserted = await TokenServer.start({ verify: assertedBy(() => gateway.url) })
  const client = { clientId: 'gateway', clientSecret: CLIENT_SECRET }
  const at = (url: string, auth: Record<string, unknown>) => ({
    transport: 'streamable-http',
    tenantId: 'acme',
    url,
    auth,
  })
  const logger = pino({ level: 'trace' }, { write: (line: string) => void (log += line) })
  gateway = await startTestGateway(
    {
      machine: at(server.url, { kind: 'client_credentials', ...client, scopes: ['notes:read'] }),
      signed: at(server.url, { kind: 'client_credentials', clientId: 'by-key', privateKey: PRIVATE_KEY }),
      wrong: at(server.url, {
        kind: 'client_credentials',
        clientId: 'gateway',
        clientSecret: 'not-the-secret-9876',
      }),
      exchanged: at(server.url, { kind: 'token_exchange', ...client }),
      elsewhere: at(server.url, {
        kind: 'token_exchange',
        ...client,
        trustedIssuers: ['https://other.example'],
      }),
      identity: at(redeemed.url, {
        kind: 'token_exchange',
        issuer: issuer.url,
        ...client,
        subjectTokenType: 'id_token',
        identityAssertion: { ...client, scopes: ['notes:read'] },
      }),
      forwarding: { ...at(open.url, { kind: 'none' }), forwardHeaders: ['X-Locale', 'x-customer'] },
      passing: { ...at(open.url, { kind: 'none' }), forwardHeaders: ['authorization'] },
      asserted: at(asserted.url, { kind: 'gateway_assertion', lifetimeSeconds: ASSERTION_LIFETIME }),
    },
    {
      env: {
        LOCAL_ISSUER: 'off',
        OIDC_ISSUER: issuer.url,
        OIDC_AUDIENCE: 'https://gateway.example',
        OIDC_TENANTS: 'acme',
      },
      logger,
      wait: false,
    },
  )
  const isReady = (): boolean =>
    gateway.gateway.statuses().filter(({ state }) => state === 'ready').length === READY
  await eventually(isReady, { timeoutMs: 60_000, what: 'servers that take their tokens' })
})

afterAll(async () => {
  await gateway.close()
  await Promise.all([issuer, second, server, asserted, redeemed, open].map((each) => each.close()))
})

beforeEach(() => {
  for (const list of [issuer.grants, second.grants, server.requests, asserted.requests, open.requests])
    list.splice(0)
})

function issuedBy(by: TokenIssuer, audience: () => string) {
  return async (token: string) => {
    const options = { issuer: by.url, audience: audience() }
    return (await jwtVerify(token, createLocalJWKSet({ keys: [by.key.jwk] }), options)).payload
  }
}

/** As a server does it that was told the issuer of the gateway's assertions. */
function assertedBy(gatewayUrl: () => string) {
  return async (token: string) => {
    const issuedAt = `${gatewayUrl()}/assertions`
    const found = await fetch(`${issuedAt}/.well-known/openid-configuration`)
    const { issuer: iss, jwks_uri: jwks } = (await found.json()) as { issuer: string; jwks_uri: string }
    const options = { issuer: iss, audience: asserted.url, algorithms: ['ES256'] }
    return (await jwtVerify(token, createRemoteJWKSet(new URL(jwks)), options)).payload
  }
}

async function call(
  tool: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  return (await gateway.rest(token, 'POST', `/v1/tools/${tool}`, { arguments: {} }, headers)).body
}

const subjectsOf = (): (string | undefined)[] => server.calls.map(({ claims }) => claims?.sub)

describe('client_credentials', () => {
  test('calls the server with one token of the gateway for all callers, which is asked for once', async () => {
    const [ann, bob] = [await issuer.tokenFor('ann'), await issuer.tokenFor('bob')]
    const texts = await Promise.all(
      [ann, bob, ann, bob].map(async (token) => textIn(await call('machine_whoami', token))),
    )
    expect(new Set(texts)).toEqual(new Set(['the-gateway of - by -']))
    expect(server.calls.map(({ claims }) => claims?.['scope'])).toEqual(Array(4).fill('notes:read'))
    expect(issuer.grants.filter(({ client }) => client === 'gateway').length).toBeLessThanOrEqual(1)
  })

  test('proves who the gateway is by a signature where the document has a key', async () => {
    expect(textIn(await call('signed_whoami', await issuer.tokenFor('ann')))).toBe('the-gateway of - by -')
  })

  test('says what the authorization server says, and nothing of the secret, where it is refused', async () => {
    const { body } = await gateway.rest(
      await issuer.tokenFor('olga', { roles: ['operator'] }),
      'GET',
      '/v1/servers/wrong',
    )
    const text = JSON.stringify(body)
    expect(text).toContain('does not issue a token to the gateway: invalid_client, who are you?')
    expect(text + log).not.toContain('not-the-secret-9876')
  })
})

describe('token_exchange', () => {
  test('calls the server with a token of each caller, over every transport, asked for once for each', async () => {
    const texts: [string, string][] = []
    for (const subject of ['ann', 'bob']) {
      const token = await issuer.tokenFor(subject)
      for (const kind of TRANSPORTS) {
        const client = await connectClient(kind, gateway.url, token)
        const { content } = await client.callTool({ name: 'exchanged_whoami', arguments: {} })
        texts.push([subject, (content as { text: string }[])[0]?.text ?? ''])
        await client.close()
      }
      texts.push([subject, textIn(await call('exchanged_whoami', token))])
    }
    expect(texts).toEqual(texts.map(([subject]) => [subject, `${subject} of - by -`]))
    expect(new Set(subjectsOf())).toEqual(new Set(['ann', 'bob']))
    const exchanges = issuer.grants.filter(({ type }) => type.endsWith(':token-exchange'))
    expect(exchanges.map(({ parameters }) => parameters['resource'])).toEqual([server.url, server.url])
  })

  test('does not give the token of one caller to a caller with other rights', async () => {
    const [wide, narrow] = [
      await issuer.tokenFor('eve', { scope: 'write', agent: 'trusted' }),
      await issuer.tokenFor('eve', { scope: '', agent: 'other' }),
    ]
    await call('exchanged_whoami', wide)
    await call('exchanged_whoami', narrow)
    const tokens = issuer.grants.map(({ parameters }) => parameters['subject_token'])
    expect(tokens.filter((token) => token !== undefined)).toEqual([wide, narrow])
    expect(new Set(server.calls.map(({ headers }) => headers.authorization)).size).toBe(2)
  })

  test('never sends the token of a caller to an authorization server that did not issue it', async () => {
    const refused = await call('elsewhere_whoami', await issuer.tokenFor('ann'))
    expect(refused).toMatchObject({ code: 'delegation_refused', server: 'elsewhere', mayHaveExecuted: false })
    expect(issuer.grants.filter(({ parameters }) => 'subject_token' in parameters)).toEqual([])
    expect(server.calls).toEqual([])
  })

  test('says why a token is not exchanged, without repeating it, and sends nothing to the server', async () => {
    issuer.trusted.delete(issuer.url)
    const token = await issuer.tokenFor('fay')
    const refused = await call('exchanged_whoami', token)
    issuer.trusted.set(issuer.url, issuer.key)
    expect(refused).toMatchObject({ status: 403, code: 'delegation_refused', mayHaveExecuted: false })
    expect(refused['detail']).toMatch(/does not exchange the token of the caller: invalid_grant, no good: …$/)
    expect([server.calls, log.includes(token)]).toEqual([[], false])
  })

  test('of an authorization server that does not answer is an outage, and nobody is asked again for a second', async () => {
    const askedAt: number[] = []
    issuer.onToken = (response) => {
      askedAt.push(performance.now())
      response.destroy()
    }
    const token = await issuer.tokenFor('gus')
    const answers = await Promise.all([1, 2, 3].map(() => call('exchanged_whoami', token)))
    issuer.onToken = undefined
    expect(answers.map(({ code }) => code)).toEqual(Array(3).fill('upstream_unavailable'))
    // Calls that begin late on a busy machine may be of the next second.
    const [first = 0] = askedAt
    expect(askedAt.filter((at) => at - first < 1000)).toHaveLength(1)
  })

  test('leads by an identity assertion to a token of the authorization server of the server', async () => {
    expect(textIn(await call('identity_whoami', await issuer.tokenFor('ida')))).toBe('ida of - by -')
    const [first] = issuer.grants.filter(({ parameters }) =>
      parameters['requested_token_type']?.endsWith('id-jag'),
    )
    expect(first?.parameters).toMatchObject({
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      audience: second.url,
      resource: redeemed.url,
    })
    expect(second.grants.map(({ type }) => type)).toContain('urn:ietf:params:oauth:grant-type:jwt-bearer')
  })
})

describe('gateway_assertion', () => {
  test('names tenant, subject and agent of each caller, for the server alone, and ends soon', async () => {
    const text = textIn(await call('asserted_whoami', await issuer.tokenFor('ann', { agent: 'claude' })))
    expect(text).toBe('ann of acme by claude')
    const { claims } = asserted.calls[0] ?? {}
    expect(claims).toMatchObject({ aud: asserted.url, iss: `${gateway.url}/assertions` })
    expect((claims?.exp ?? 0) - (claims?.iat ?? 0)).toBe(ASSERTION_LIFETIME)
  })

  test('is no token for the gateway', async () => {
    await call('asserted_whoami', await issuer.tokenFor('ann'))
    const token = asserted.calls[0]?.headers.authorization?.slice('Bearer '.length)
    expect((await gateway.rest(token, 'GET', '/v1/tools')).status).toBe(401)
  })
})

describe('forwardHeaders', () => {
  test('gives the server the named headers of each caller with the call, and no others', async () => {
    const token = await issuer.tokenFor('ann')
    const locales = Array.from({ length: 12 }, (_, index) => `l${index}`)
    await Promise.all(
      locales.map((locale) =>
        call('forwarding_whoami', token, { 'x-locale': locale, 'x-other': 'of-the-caller', cookie: 'a=b' }),
      ),
    )
    const seen = open.calls.map(({ headers }) => headers)
    expect(new Set(seen.map((headers) => headers['x-locale']))).toEqual(new Set(locales))
    const others = seen.flatMap((headers) => [
      headers['x-other'],
      headers.cookie,
      headers.authorization,
      headers['x-customer'],
    ])
    expect(new Set(others)).toEqual(new Set([undefined]))
  })

  test.each(['legacy', 'modern'] as const)('gives them over MCP, too: %s', async (era) => {
    const url = new URL('/mcp', gateway.url)
    const headers = { authorization: `Bearer ${await issuer.tokenFor('ann')}`, 'x-locale': `of-${era}` }
    const client = new Client(
      { name: 'probe', version: '1' },
      era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {},
    )
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
    await client.callTool({ name: 'forwarding_whoami', arguments: {} })
    await client.close()
    expect(open.calls.map((seen) => seen.headers['x-locale'])).toEqual([`of-${era}`])
  })

  test('passes the token of a caller on only where it was issued for the server, too', async () => {
    const refused = await call('passing_whoami', await issuer.tokenFor('ann'))
    expect([refused['code'], open.calls]).toEqual(['delegation_refused', []])
    const both = await issuer.tokenFor('ann', { aud: ['https://gateway.example', open.url] })
    await call('passing_whoami', both)
    expect(open.calls.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${both}`])
  })
})

test('no token, secret or key of any of it is in the log', async () => {
  await call('exchanged_whoami', await issuer.tokenFor('ann'))
  const sent = [...server.requests, ...asserted.requests, ...redeemed.requests]
  const tokens = sent.flatMap(({ headers: { authorization = '' } }) => authorization.slice('Bearer '.length))
  const planted = [CLIENT_SECRET, PRIVATE_KEY.split('\n')[1] ?? '', ...tokens.filter((token) => token !== '')]
  expect(planted.filter((secret) => log.includes(secret))).toEqual([])
})
