import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pino from 'pino'
import { eventually } from '../support/eventually.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { initialize, openSse, postMcp } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

const PUBLIC_URL = 'https://example.com/gw'
let provider: IdentityProvider
let key: SigningKey
let upstream: HttpUpstream
let gateway: TestGateway
let log = ''

beforeAll(async () => {
  provider = await IdentityProvider.start()
  key = await newSigningKey('first')
  provider.keys = [key.jwk]
  upstream = await modernHttp()
  const server = { tenantId: '*', transport: 'streamable-http', url: upstream.url }
  gateway = await startTestGateway(
    {
      a: { ...server, tools: { echo: { scopes: ['tools.echo'] } } },
      b: server,
      hidden: { ...server, tenantId: 'acme', enabled: false, tools: { x: { scopes: ['acme.secret'] } } },
      other: { ...server, tenantId: 'globex', enabled: false },
    },
    {
      env: {
        LOCAL_ISSUER: 'off',
        OIDC_ISSUER: provider.url,
        OIDC_AUDIENCE: 'api://gateway',
        OIDC_SCOPES: 'openid, offline_access',
        PUBLIC_URL,
      },
      logger: pino({ level: 'warn' }, { write: (line: string) => void (log += line) }),
    },
  )
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
  await provider[Symbol.asyncDispose]()
})

const tokenFor = (aud: unknown): Promise<string> => signFor(provider, key, { aud })

async function statusAt(path: string, aud: unknown): Promise<number> {
  return (await postMcp(gateway.url, await tokenFor(aud), initialize(0), { path })).status
}

describe('a token', () => {
  test.each([
    ['api://gateway', '/mcp/a'],
    [PUBLIC_URL, '/mcp'],
    [`${PUBLIC_URL}/`, '/mcp/b'],
    [`${PUBLIC_URL}/mcp`, '/mcp'],
    [`${PUBLIC_URL}/mcp`, '/mcp/a'],
    [`${PUBLIC_URL}/mcp/a`, '/mcp/a'],
    [[`${PUBLIC_URL}/mcp/b`, 'https://other.example'], '/mcp/b'],
  ])('with the audience %j is accepted at %s', async (aud, path) => {
    expect(await statusAt(path, aud)).toBe(200)
  })

  test.each([
    [`${PUBLIC_URL}/mcp/a`, '/mcp/b'],
    [`${PUBLIC_URL}/mcp/a`, '/mcp'],
    [`${PUBLIC_URL}/mcp/a`, '/MCP/a'],
    [`${PUBLIC_URL}/mcp/a`, '/mcp/%61'],
    [`${PUBLIC_URL}/sse`, '/mcp'],
    ['https://example.com', '/mcp'],
    ['https://example.com/gwmcp', '/mcp'],
  ])('with the audience %j is refused at %s', async (aud, path) => {
    expect(await statusAt(path, aud)).toBe(401)
  })

  test('for a path says nothing about REST', async () => {
    const { status, body } = await gateway.rest(await tokenFor(`${PUBLIC_URL}/mcp`), 'GET', '/v1/tools')
    expect([status, body['detail']]).toEqual([
      401,
      'The audience of the token is a different path of this gateway.',
    ])
  })

  test('for /sse posts the messages of its session, below the path of PUBLIC_URL, and one for a server does not', async () => {
    const whole = await tokenFor(`${PUBLIC_URL}/sse`)
    const session = await openSse(gateway.url, whole)
    expect(session.path).toMatch(/^\/gw\/messages\?replica=\d+&sessionId=/)
    const path = session.path.replace('/gw', '')
    expect((await postMcp(gateway.url, whole, initialize(0), { path })).status).toBe(202)
    const narrow = await tokenFor(`${PUBLIC_URL}/sse/a`)
    expect((await postMcp(gateway.url, narrow, initialize(1), { path })).status).toBe(404)
    session.close()
  })
})

describe('the metadata', () => {
  const WELL_KNOWN = '/.well-known/oauth-protected-resource'
  test.each([
    ['', PUBLIC_URL],
    ['/gw', PUBLIC_URL],
    ['/mcp', `${PUBLIC_URL}/mcp`],
    ['/mcp/', `${PUBLIC_URL}/mcp/`],
    ['/gw/mcp/a', `${PUBLIC_URL}/mcp/a`],
    ['/sse', `${PUBLIC_URL}/sse`],
    ['/gwx', `${PUBLIC_URL}/gwx`],
  ])('at the well-known path with %j is that of %s', async (path, resource) => {
    const { status, body } = await gateway.rest(undefined, 'GET', `${WELL_KNOWN}${path}`)
    expect([status, body]).toEqual([
      200,
      {
        resource,
        authorization_servers: [provider.url],
        scopes_supported: ['openid', 'offline_access', 'tools.echo'],
        bearer_methods_supported: ['header'],
        resource_name: 'Tool Gateway',
      },
    ])
  })

  test.each(['/mcp', '/mcp/', '/mcp/a', '/sse', ''])(
    'that the challenge of %j leads to is of that very URL, and the challenge has the scopes',
    async (path) => {
      const answer = await postMcp(gateway.url, 'none', {}, { path })
      const challenge = answer.headers.get('www-authenticate') ?? ''
      expect(challenge).toContain('scope="openid offline_access tools.echo"')
      const [, metadata = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? []
      expect(metadata.startsWith(`${PUBLIC_URL}/.well-known/`)).toBe(true)
      const { body } = await gateway.rest(undefined, 'GET', metadata.slice(PUBLIC_URL.length))
      expect(body['resource']).toBe(`${PUBLIC_URL}${path}`)
    },
  )

  test('of a path with other characters is not there', async () => {
    expect((await gateway.rest(undefined, 'GET', `${WELL_KNOWN}/mcp/%22x`)).status).toBe(404)
  })
})

test('a refused token is one line of the log, with what it says and where it came from, and without the token', async () => {
  const stranger = await newSigningKey('stranger')
  const token = await signFor(provider, stranger)
  const answer = await gateway.rest(token, 'GET', '/v1/tools', undefined, { 'x-request-id': 'refused-1' })
  expect(answer.status).toBe(401)
  const line = await eventually(() => log.split('\n').find((each) => each.includes('refused-1')))
  expect(JSON.parse(line)).toMatchObject({
    code: 'invalid_token',
    reason: 'The token is signed with a key that its issuer does not publish.',
    issuer: provider.url,
    kid: 'stranger',
    requestId: 'refused-1',
    address: '127.0.0.1',
    msg: 'a token was refused',
  })
  expect(log).not.toContain(token.split('.')[2])
})
