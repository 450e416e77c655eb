import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { run } from '../../../src/cli/program.ts'
import { IdentityProvider } from '../../support/identity-provider.ts'
import { startTestGateway, type TestGateway } from '../../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../../support/upstreams/sample-http.ts'

interface Report {
  readonly address: string
  readonly ok: boolean
  readonly hops: readonly {
    readonly name: string
    readonly status: string
    readonly finding: string
    readonly advice?: string
    readonly exchanges: readonly { readonly request: { readonly url: string } }[]
  }[]
}

let provider: IdentityProvider
let upstream: HttpUpstream
let local: TestGateway

beforeAll(async () => {
  provider = await IdentityProvider.start()
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  local = await startTestGateway(
    { sample: { ...server, requiredRoles: ['reader'] } },
    { env: { OAUTH_SERVER: 'off' } },
  )
})

afterAll(async () => {
  await local.close()
  await upstream.close()
  await provider[Symbol.asyncDispose]()
})

async function doctor(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(['doctor', 'connect', ...argv], {
    env: {},
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

async function report(...argv: string[]): Promise<{ code: number; report: Report }> {
  const { code, out } = await doctor(...argv, '--json')
  return { code, report: JSON.parse(out) as Report }
}

const statuses = ({ hops }: Report): string[][] => hops.map(({ name, status }) => [name, status])

describe('the walk', () => {
  test('with a token looks at what a sign-in would need, too, but does not sign in', async () => {
    const { code, report: found } = await report(`${local.url}/mcp`, '--token', await local.token())
    expect(code).toBe(0)
    expect(statuses(found)).toEqual([
      ['address', 'ok'],
      ['resource metadata', 'warning'],
      ['token', 'skipped'],
      ['initialize', 'ok'],
      ['tools/list', 'ok'],
    ])
  })

  test('is short for a server that needs no token, also for one of 2026-07-28 only', async () => {
    const { code, report: found } = await report(upstream.url)
    expect([code, statuses(found)]).toEqual([
      0,
      [
        ['address', 'ok'],
        ['initialize', 'ok'],
        ['tools/list', 'ok'],
      ],
    ])
  })
})

describe('what stops it is named, with what to change', () => {
  test.each([
    [
      'no server',
      () => 'http://127.0.0.1:65533/mcp',
      [],
      'address',
      'cannot be reached (ECONNREFUSED)',
      'Start the gateway',
    ],
    [
      'another path',
      () => `${local.url}/v1/nothing`,
      ['--token', 'x'],
      'initialize',
      'refuses the token',
      'not a JWT',
    ],
    [
      'no authorization server',
      () => `${local.url}/mcp`,
      [],
      'resource metadata',
      'has no authorization server',
      '--token',
    ],
  ])('%s', async (_what, address, args, name, finding, advice) => {
    const { code, report: found } = await report(address(), ...args)
    expect([code, found.ok]).toEqual([1, false])
    expect(found.hops.at(-1)).toMatchObject({
      name,
      status: 'failed',
      finding: expect.stringContaining(finding),
      advice: expect.stringContaining(advice),
    })
  })

  test('an issuer without PKCE in its metadata', async () => {
    const other = await startTestGateway({}, { env: { OIDC_ISSUER: provider.url, OAUTH_SERVER: 'off' } })
    const { report: found } = await report(`${other.url}/mcp`)
    await other.close()
    expect(found.hops.at(-1)).toMatchObject({
      name: 'authorization server',
      status: 'failed',
      finding: expect.stringContaining('PKCE'),
    })
  })

  test('a resource of another address', async () => {
    const other = await startTestGateway(
      {},
      { env: { OIDC_ISSUER: provider.url, OAUTH_SERVER: 'off', PUBLIC_URL: 'https://gateway.example' } },
    )
    const { report: found } = await report(`${other.url}/mcp`)
    await other.close()
    expect(found.hops.at(-1)).toMatchObject({ name: 'resource metadata', status: 'failed' })
  })

  test('a token without the roles of any server', async () => {
    const { code, report: found } = await report(
      `${local.url}/mcp`,
      '--token',
      await local.token({ roles: [] }),
    )
    expect(code).toBe(0)
    expect(found.hops.at(-1)).toMatchObject({
      name: 'tools/list',
      status: 'warning',
      advice: expect.stringContaining('roles'),
    })
  })

  test('a client of the internet, and an address of this machine', async () => {
    const { code, out, err } = await doctor('claude', '--url', `${local.url}/mcp`)
    expect(code).toBe(1)
    expect(out).toContain('✗ address: Claude connects from the internet and cannot reach 127.0.0.1')
    expect(err).toContain('the step "address" fails')
  })
})
