import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createLogger } from '../../src/telemetry/logger.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type MoodyServer, startMoodyServer } from '../support/upstreams/moody-server.ts'

const RECOVERY_MS = 3000

let moody: MoodyServer
let gateway: TestGateway
let token: string
let log: Record<string, unknown>[]

beforeEach(async () => {
  moody = await startMoodyServer()
  log = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    },
  })
  gateway = await startTestGateway(documents(), {
    logger: createLogger({ level: 'info', format: 'json', destination }),
  })
  token = await gateway.token()
})

afterEach(async () => {
  await gateway.close()
  await moody[Symbol.asyncDispose]()
})

function documents(circuitBreaker: Record<string, unknown> = {}): Record<string, Record<string, unknown>> {
  const settings = { failureThreshold: 3, recoveryTimeoutMs: RECOVERY_MS, ...circuitBreaker }
  return { moody: { transport: 'streamable-http', url: moody.url, circuitBreaker: settings } }
}

const call = (): ReturnType<TestGateway['rest']> =>
  gateway.rest(token, 'POST', '/v1/tools/moody_act', { arguments: {} })

async function health(): Promise<unknown[]> {
  const all = await gateway.rest(token, 'GET', '/health')
  const one = await gateway.rest(token, 'GET', '/health/moody')
  const [listed] = all.body['servers'] as Record<string, unknown>[]
  expect(listed).toEqual(one.body)
  expect(all.status).toBe(one.status)
  return [all.status, one.body['state'], one.body['breaker']]
}

async function metric(name: string): Promise<string[]> {
  const text = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  return text.split('\n').filter((line) => line.startsWith(`${name}{`))
}

const transitions = (): unknown[] =>
  log
    .filter(({ breaker }) => breaker !== undefined)
    .map(({ server, breaker, reason }) => [server, breaker, reason])

const untilHalfOpen = (): Promise<boolean> =>
  eventually(
    async () => (await gateway.rest(token, 'GET', '/health/moody')).body['breaker'] === 'half_open',
    { what: 'a trial being due' },
  )

test('the breaker opens after the configured failures, rejects at once, lets one call through, and closes again', async () => {
  expect((await call()).status).toBe(200)
  expect(await health()).toEqual([200, 'ready', 'closed'])
  expect(await metric('gateway_breaker_state')).toEqual(['gateway_breaker_state{server="moody"} 0'])

  moody.feel('broken')
  for (let index = 0; index < 3; index += 1)
    expect(await call()).toMatchObject({ status: 503, body: { code: 'upstream_unavailable' } })
  expect(moody.calls).toHaveLength(4)

  const rejected = await call()
  expect(rejected).toMatchObject({
    status: 503,
    body: { code: 'circuit_open', server: 'moody', retryable: true, mayHaveExecuted: false },
  })
  expect(['1', '2', '3']).toContain(rejected.headers.get('retry-after'))
  expect(rejected.body['retryAfterMs']).toBeLessThanOrEqual(RECOVERY_MS)
  expect(moody.calls).toHaveLength(4)
  expect(await health()).toEqual([503, 'ready', 'open'])
  expect(await metric('gateway_breaker_state')).toEqual(['gateway_breaker_state{server="moody"} 2'])

  await untilHalfOpen()
  expect(await metric('gateway_breaker_state')).toEqual(['gateway_breaker_state{server="moody"} 1'])
  expect(await call()).toMatchObject({ body: { code: 'upstream_unavailable' } })
  expect(await call()).toMatchObject({ body: { code: 'circuit_open' } })
  expect(moody.calls).toHaveLength(5)

  await untilHalfOpen()
  moody.feel('holding')
  const trial = call()
  await eventually(() => moody.calls.length === 6, { what: 'the trial at the server' })
  expect(await call()).toMatchObject({ status: 503, body: { code: 'circuit_open' } })
  moody.feel('well')
  moody.release()
  expect((await trial).status).toBe(200)
  expect((await call()).status).toBe(200)
  expect(moody.calls).toHaveLength(7)
  expect(await health()).toEqual([200, 'ready', 'closed'])

  expect(transitions()).toEqual([
    ['moody', 'open', '3 calls in a row failed: upstream_unavailable'],
    ['moody', 'half_open', 'its recovery timeout (3000 ms) has elapsed'],
    ['moody', 'open', 'the trial call failed: upstream_unavailable'],
    ['moody', 'half_open', 'its recovery timeout (3000 ms) has elapsed'],
    ['moody', 'closed', 'the trial call succeeded'],
  ])
  expect((await metric('gateway_breaker_transitions_total')).toSorted()).toEqual([
    'gateway_breaker_transitions_total{server="moody",state="closed"} 1',
    'gateway_breaker_transitions_total{server="moody",state="half_open"} 2',
    'gateway_breaker_transitions_total{server="moody",state="open"} 2',
  ])
})

test('an edit applies to a breaker that is open', async () => {
  await gateway.writeRegistry(documents({ recoveryTimeoutMs: 3_600_000 }))
  moody.feel('broken')
  await eventually(async () => (await call()).body['code'] === 'circuit_open')
  moody.feel('well')
  await gateway.writeRegistry(documents({ enabled: false }))
  await eventually(async () => (await call()).status === 200, { what: 'calls getting through' })
  expect(await health()).toEqual([200, 'ready', undefined])
})
