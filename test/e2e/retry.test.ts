import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type MoodyServer, startMoodyServer } from '../support/upstreams/moody-server.ts'

let moody: MoodyServer
let spare: MoodyServer
let gateway: TestGateway
let token: string

beforeEach(async () => {
  moody = await startMoodyServer()
  spare = await startMoodyServer()
})

/** Starts a gateway with some of the servers. */
async function serving(...names: (keyof ReturnType<typeof documents>)[]): Promise<void> {
  const all = documents()
  gateway = await startTestGateway(Object.fromEntries(names.map((name) => [name, all[name]])), {
    tenants: { local: { quotas: { callsPerMinute: 10 } } },
  })
  token = await gateway.token({ roles: ['auditor'] })
}

function documents() {
  const http = { transport: 'streamable-http', url: moody.url, retry: { baseDelayMs: 10 } }
  return {
    moody: http,
    safe: { ...http, tools: { act: { idempotent: true } } },
    doubled: { ...http, fallback: 'spare' },
    limited: { ...http, rateLimit: { calls: 2, perMs: 60_000 } },
    spare: { transport: 'streamable-http', url: spare.url, tools: { exclude: ['look'] } },
  }
}

afterEach(async () => {
  await gateway.close()
  await moody[Symbol.asyncDispose]()
  await spare[Symbol.asyncDispose]()
})

const call = (tool: string): ReturnType<TestGateway['rest']> =>
  gateway.rest(token, 'POST', `/v1/tools/${tool}`, { arguments: {} })

async function records(): Promise<unknown[]> {
  const { body } = await gateway.rest(token, 'GET', '/v1/audit?limit=50')
  return (body['records'] as Record<string, unknown>[])
    .filter(({ action }) => action === 'call')
    .map(({ target, server, outcome, code }) => [target, server, outcome, code])
}

async function counted(name: string): Promise<string[]> {
  const text = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  return text.split('\n').filter((line) => line.startsWith(`${name}{`))
}

describe('a call that fails', () => {
  test('before it was executed is sent again, as one call with one record', async () => {
    await serving('moody')
    moody.feel('refusing', 'well')
    expect((await call('moody_act')).status).toBe(200)
    expect(moody.calls).toEqual(['act', 'act'])
    expect(await records()).toEqual([['moody_act', 'moody', 'ok', null]])
    expect(await counted('gateway_retries_total')).toEqual([
      'gateway_retries_total{server="moody",outcome="repeated"} 1',
    ])
  })

  test.each(['dying', 'broken'] as const)(
    'when it may have been executed is not sent again (%s)',
    async (mood) => {
      await serving('moody')
      moody.feel(mood, 'well')
      expect(await call('moody_act')).toMatchObject({
        status: 503,
        body: { code: 'upstream_unavailable', mayHaveExecuted: true },
      })
      expect(moody.calls).toEqual(['act'])
    },
  )

  test.each(['moody_look', 'safe_act'])(
    'and is marked as one that may be repeated is sent again (%s)',
    async (tool) => {
      await serving('moody', 'safe')
      moody.feel('dying', 'well')
      expect((await call(tool)).status).toBe(200)
      expect(moody.calls).toHaveLength(2)
      expect(await records()).toHaveLength(1)
    },
  )
})

describe('a fallback', () => {
  test('answers for a server that cannot be had, and the record names it', async () => {
    await serving('doubled', 'spare')
    moody.feel('refusing')
    expect((await call('doubled_act')).status).toBe(200)
    expect([moody.calls.length, spare.calls.length]).toEqual([3, 1])
    expect(await records()).toEqual([['doubled_act', 'spare', 'ok', null]])
    expect(await counted('gateway_fallbacks_total')).toEqual(['gateway_fallbacks_total{server="doubled"} 1'])
  })

  test('is not used for a tool that the caller may not use there', async () => {
    await serving('doubled', 'spare')
    moody.feel('refusing')
    expect(await call('doubled_look')).toMatchObject({
      body: { code: 'upstream_unavailable', server: 'doubled' },
    })
    expect(spare.calls).toEqual([])
  })

  test('is not used for a call that may have run', async () => {
    await serving('doubled', 'spare')
    moody.feel('dying')
    expect(await call('doubled_act')).toMatchObject({ body: { mayHaveExecuted: true } })
    expect(spare.calls).toEqual([])
  })
})

describe('limits', () => {
  test('a server gets no more calls than its rate limit, and the caller learns when to come back', async () => {
    await serving('limited')
    expect([(await call('limited_act')).status, (await call('limited_act')).status]).toEqual([200, 200])
    const refused = await call('limited_act')
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', mayHaveExecuted: false } })
    expect(refused.headers.get('retry-after')).toMatch(/^(2\d|30)$/)
    expect(moody.calls).toHaveLength(2)
    expect((await records())[0]).toEqual(['limited_act', 'limited', 'error', 'rate_limited'])
  })

  test('a tenant has no more calls than its quota, over all servers', async () => {
    await serving('moody', 'spare', 'safe')
    for (let index = 0; index < 10; index += 1)
      expect((await call(index % 2 === 0 ? 'moody_act' : 'spare_act')).status).toBe(200)
    expect(await call('safe_act')).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  })
})
