import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type MoodyServer, startMoodyServer } from '../support/upstreams/moody-server.ts'

let moody: MoodyServer
let gateway: TestGateway
let tenantId: string
let token: string

const documents = (url: string, ttlMs = 60_000): Record<string, Record<string, unknown>> => {
  const http = { tenantId: '*', transport: 'streamable-http', url }
  return {
    reads: { ...http, tools: { '*': { cacheTtlMs: ttlMs } } },
    named: { ...http, tools: { act: { cacheTtlMs: ttlMs } } },
    apart: { ...http, sharing: 'session', tools: { '*': { cacheTtlMs: ttlMs } } },
    plain: http,
  }
}

beforeAll(async () => {
  moody = await startMoodyServer()
  gateway = await startTestGateway(documents(moody.url), { wait: false })
  const first = await gateway.token()
  await eventually(async () => {
    const { body } = await gateway.rest(first, 'GET', '/v1/tools')
    return (body['tools'] as unknown[]).length === 8
  })
})

let tests = 0
beforeEach(async () => {
  // Each test is a tenant of its own, and finds no result but its own.
  tests += 1
  tenantId = `tenant-${tests}`
  token = await tokenOf({})
  moody.calls.length = 0
  moody.feel('well')
})

afterAll(async () => {
  await gateway.close()
  await moody[Symbol.asyncDispose]()
})

function tokenOf(request: Parameters<TestGateway['token']>[0]): Promise<string> {
  return gateway.token({ tenantId, roles: ['reader', 'auditor', 'operator'], ...request })
}

const call = (tool: string, args: unknown = {}, as = token): ReturnType<TestGateway['rest']> =>
  gateway.rest(as, 'POST', `/v1/tools/${tool}`, { arguments: args })

const DONE = { status: 200, body: { content: [{ type: 'text', text: 'done' }], isError: false } }

async function figures(): Promise<unknown> {
  return (await gateway.rest(token, 'GET', '/v1/caches?cache=results')).body['caches']
}

test('200 equal calls at the same time reach the server once, and each is recorded', async () => {
  moody.feel('holding')
  const calls = Array.from({ length: 200 }, (_, index) =>
    // The order of members makes no difference.
    call('reads_look', index % 2 === 0 ? { a: 1, b: 2 } : { b: 2, a: 1 }),
  )
  await eventually(() => gateway.gateway.callsInFlight() === 200)
  moody.release()
  for (const answer of await Promise.all(calls)) expect(answer).toMatchObject(DONE)
  expect(moody.calls).toEqual(['look'])
  expect(await call('reads_look', { a: 1, b: 2 })).toMatchObject(DONE)
  expect(moody.calls).toEqual(['look'])
  const { body } = await gateway.rest(token, 'GET', '/v1/audit?target=reads_look&limit=1000')
  const records = body['records'] as Record<string, unknown>[]
  expect(records).toHaveLength(201)
  expect(new Set(records.map(({ outcome, server }) => `${String(outcome)} ${String(server)}`))).toEqual(
    new Set(['ok reads']),
  )
})

describe('a kept result is not for', () => {
  test('a caller of another tenant', async () => {
    await call('reads_look')
    const stranger = await tokenOf({ tenantId: `other-${tenantId}` })
    expect(await call('reads_look', {}, stranger)).toMatchObject(DONE)
    expect(moody.calls).toEqual(['look', 'look'])
    expect(await call('reads_look', {}, stranger)).toMatchObject(DONE)
    expect(moody.calls).toEqual(['look', 'look'])
  })

  test('a caller with other rights', async () => {
    await call('reads_look')
    await call('reads_look', {}, await tokenOf({ roles: ['reader'] }))
    await call('reads_look', {}, await tokenOf({ roles: ['operator', 'auditor', 'reader'], agent: 'bot' }))
    expect(moody.calls).toEqual(['look', 'look', 'look'])
    const colleague = await tokenOf({ subject: 'bob', roles: ['operator', 'auditor', 'reader'] })
    await call('reads_look', {}, colleague)
    expect(moody.calls).toHaveLength(3)
  })

  test('other arguments', async () => {
    await call('reads_look', { a: 1 })
    await call('reads_look', { a: '1' })
    expect(moody.calls).toHaveLength(2)
  })

  test('other `_meta` of the request, but for its trace context', async () => {
    const withMeta = (meta: unknown): Promise<unknown> =>
      gateway.rest(token, 'POST', '/mcp/reads/tools/call', { name: 'look', arguments: {}, _meta: meta })
    const trace = (id: string): unknown => ({ traceparent: `00-${id.repeat(32)}-${id.repeat(16)}-01` })
    await withMeta({ 'example.com/language': 'de' })
    await withMeta({ 'example.com/language': 'fr' })
    expect(moody.calls).toHaveLength(2)
    await withMeta(trace('1'))
    await withMeta(trace('2'))
    await call('reads_look')
    expect(moody.calls).toHaveLength(3)
  })

  test('the same tool after an edit of its server', async () => {
    await call('reads_look')
    await gateway.writeRegistry(documents(moody.url, 30_000))
    await eventually(async () => {
      await call('reads_look')
      return moody.calls.length > 1
    })
    await call('reads_look')
    expect(moody.calls).toEqual(['look', 'look'])
  })
})

describe('nothing is kept of', () => {
  test.each([
    ['a tool that does not say that it only reads, by a pattern', 'reads_act'],
    ['a server that keeps something for each session', 'apart_look'],
    ['a tool without cacheTtlMs', 'plain_look'],
  ])('%s', async (_what, tool) => {
    await call(tool)
    await call(tool)
    expect(moody.calls).toHaveLength(2)
  })

  test('a call that failed', async () => {
    moody.feel('broken', 'broken', 'broken', 'well')
    expect((await call('named_act')).status).toBe(503)
    await eventually(async () => (await call('named_act')).status === 200)
    const sent = moody.calls.length
    expect((await call('named_act')).status).toBe(200)
    expect(moody.calls).toHaveLength(sent)
  })
})

test('a tool that is named exactly is kept if it does not say that it writes', async () => {
  await call('named_act')
  await call('named_act')
  expect(moody.calls).toEqual(['act'])
})

test('who goes away takes nothing from the others; when all are gone the call ends', async () => {
  moody.feel('holding')
  const leave = (): { gone: AbortController; answer: Promise<unknown> } => {
    const gone = new AbortController()
    const answer = fetch(`${gateway.url}/v1/tools/reads_look`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"arguments":{}}',
      signal: gone.signal,
    }).catch(() => 'gone')
    return { gone, answer }
  }
  const first = leave()
  await eventually(() => moody.calls.length === 1)
  const second = call('reads_look')
  await eventually(() => gateway.gateway.callsInFlight() === 2)
  first.gone.abort()
  expect(await first.answer).toBe('gone')
  await eventually(() => gateway.gateway.callsInFlight() === 1)
  moody.release()
  expect(await second).toMatchObject(DONE)
  expect(moody.calls).toEqual(['look'])

  await gateway.rest(token, 'DELETE', '/v1/caches')
  const last = leave()
  await eventually(() => moody.calls.length === 2)
  last.gone.abort()
  await last.answer
  const cancelled = await eventually(async () => {
    const { body } = await gateway.rest(token, 'GET', '/v1/audit?outcome=cancelled')
    const found = body['records'] as unknown[]
    return found.length === 2 && found
  })
  expect(cancelled).toMatchObject([{ server: 'reads' }, { server: 'reads' }])
})

test('operators see the figures of their tenant and clear what is kept for it, and for nobody else', async () => {
  const platform = await tokenOf({ roles: ['operator', 'platform-admin'] })
  await gateway.rest(platform, 'DELETE', '/v1/caches?tenantId=*')
  const before = await metrics()
  const stranger = await tokenOf({ tenantId: `other-${tenantId}` })
  await call('reads_look')
  await call('reads_look')
  await call('reads_look', {}, stranger)
  expect(await figures()).toMatchObject([{ name: 'results', entries: 1, hits: 1, misses: 1, evictions: 0 }])
  expect((await gateway.rest(token, 'DELETE', '/v1/caches')).body).toEqual({
    cleared: [
      { name: 'enhancements', entries: 0 },
      { name: 'results', entries: 1 },
    ],
  })
  await call('reads_look')
  await call('reads_look', {}, stranger)
  expect(moody.calls).toEqual(['look', 'look', 'look'])
  const after = await metrics()
  expect(after.hit - before.hit).toBe(2)
  expect(after.miss - before.miss).toBe(3)
  expect(after.entries).toBe(2)
})

/** Of all tenants. */
async function metrics(): Promise<Record<'hit' | 'miss' | 'entries', number>> {
  const text = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  const numberOf = (name: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1] ?? 0,
    )
  const lookups = (outcome: string): number =>
    numberOf(`gateway_cache_lookups_total{cache="results",outcome="${outcome}"}`)
  return {
    hit: lookups('hit'),
    miss: lookups('miss'),
    entries: numberOf('gateway_cache_entries{cache="results"}'),
  }
}

test.each([
  ['who is no operator', ['reader'], '', 403],
  ['an operator, the caches of another tenant', ['operator'], '?tenantId=other', 403],
  ['an operator who is no administrator of the platform, those of all', ['operator'], '?tenantId=*', 403],
  ['an administrator of the platform, those of all', ['operator', 'platform-admin'], '?tenantId=*', 200],
])('%s: %p%s is answered with %i', async (_who, roles, query, status) => {
  const as = await tokenOf({ roles })
  expect((await gateway.rest(as, 'DELETE', `/v1/caches${query}`)).status).toBe(status)
  expect((await gateway.rest(as, 'GET', `/v1/caches${query}`)).status).toBe(status)
})
