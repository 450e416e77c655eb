import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import { Allowances } from '../../../src/calls/limits/allowances.ts'
import { type CallQuotas, Limits } from '../../../src/calls/limits/limits.ts'
import { TenantShares } from '../../../src/calls/limits/tenant-shares.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../../support/offers.ts'
import { caller, OneStage } from '../../support/routing.ts'

const SENT: JsonObject = { content: [] }

function begin(quotas: Record<string, CallQuotas> = {}) {
  const clock = new FakeClock()
  const limits = new Limits({
    allowances: new Allowances({ clock }),
    quotasOf: (tenantId) => quotas[tenantId],
  })
  const run = (document: Record<string, unknown>, who: Partial<Principal> = {}): Promise<unknown> =>
    new OneStage(() => limits.stage)
      .run(
        { server: server({ tenantId: '*', ...document }), name: 'echo' },
        { caller: caller(who) },
        () => SENT,
      )
      .catch((error: unknown) => error)
  return { clock, run }
}

const refused = (retryAfterMs: number): object => ({
  code: 'rate_limited',
  facts: { mayHaveExecuted: false, retryAfterMs },
})

test('without limits every call passes', async () => {
  const { run } = begin({ acme: {} })
  for (let index = 0; index < 100; index += 1) expect(await run({})).toBe(SENT)
})

describe('the rate limit of a server', () => {
  const limited = (per?: string): Record<string, unknown> => ({
    rateLimit: { calls: 1, perMs: 1000, ...(per !== undefined && { per }) },
  })

  test('refuses without sending, and says when to come back', async () => {
    const { run, clock } = begin()
    expect(await run(limited())).toBe(SENT)
    await clock.advance(400)
    expect(await run(limited())).toMatchObject({
      ...refused(600),
      message: 'Server alpha has reached its rate limit per principal',
    })
    await clock.advance(600)
    expect(await run(limited())).toBe(SENT)
  })

  test('is one for each principal, regardless of the rights of its tokens', async () => {
    const { run } = begin()
    expect(await run(limited())).toBe(SENT)
    expect(await run(limited(), { roles: ['editor'], agent: 'planner', scopes: ['x'] })).toMatchObject(
      refused(1000),
    )
    expect(await run(limited(), { subject: 'bob' })).toBe(SENT)
    expect(await run(limited(), { issuer: 'urn:else' })).toBe(SENT)
    expect(await run(limited(), { tenantId: 'other' })).toBe(SENT)
  })

  test('is one for each tenant where it says so', async () => {
    const { run } = begin()
    expect(await run(limited('tenant'))).toBe(SENT)
    expect(await run(limited('tenant'), { subject: 'bob' })).toMatchObject(refused(1000))
    expect(await run(limited('tenant'), { tenantId: 'other' })).toBe(SENT)
  })

  test('is one for everybody where it says so', async () => {
    const { run } = begin()
    expect(await run(limited('server'))).toBe(SENT)
    expect(await run(limited('server'), { tenantId: 'other' })).toMatchObject(refused(1000))
  })

  test('is not shared with other servers', async () => {
    const { run } = begin()
    expect(await run(limited('server'))).toBe(SENT)
    expect(await run({ ...limited('server'), name: 'beta' })).toBe(SENT)
  })
})

describe('the quotas of a tenant', () => {
  test('count over all its servers and principals, and for it alone', async () => {
    const { run } = begin({ acme: { callsPerMinute: 2 } })
    expect(await run({})).toBe(SENT)
    expect(await run({ name: 'beta' }, { subject: 'bob' })).toBe(SENT)
    expect(await run({})).toMatchObject({
      ...refused(30_000),
      message: 'The tenant has reached its limit of calls per minute',
    })
    expect(await run({}, { tenantId: 'other' })).toBe(SENT)
  })

  test('of a day hold in addition to those of a minute', async () => {
    const { run, clock } = begin({ acme: { callsPerMinute: 2, callsPerDay: 3 } })
    for (let index = 0; index < 2; index += 1) expect(await run({})).toBe(SENT)
    await clock.advance(60_000)
    expect(await run({})).toBe(SENT)
    expect(await run({})).toMatchObject({ message: 'The tenant has reached its limit of calls per day' })
  })

  test('are not used up by calls that the server refuses to take', async () => {
    const { run } = begin({ acme: { callsPerMinute: 2 } })
    const limited = { rateLimit: { calls: 1, perMs: 1000 } }
    expect(await run(limited)).toBe(SENT)
    expect(await run(limited)).toMatchObject(refused(1000))
    expect(await run({})).toBe(SENT)
  })

  test('count from the next call after an edit', async () => {
    const quotas: Record<string, CallQuotas> = { acme: { callsPerMinute: 1 } }
    const { run } = begin(quotas)
    expect(await run({})).toBe(SENT)
    expect(await run({})).toMatchObject(refused(60_000))
    quotas['acme'] = {}
    expect(await run({})).toBe(SENT)
  })
})

describe('the share of a tenant', () => {
  test('is one for all its calls, has as many places as its quota, and follows an edit', () => {
    let quota: number | undefined = 2
    const shares = new TenantShares({ maxOf: (tenantId) => (tenantId === 'acme' ? quota : undefined) })
    const share = shares.of('acme')
    expect(shares.of('other')).toBeUndefined()
    share?.enter()
    expect(shares.of('acme')?.hasRoom).toBe(true)
    share?.enter()
    expect(share?.hasRoom).toBe(false)
    quota = 3
    shares.quotasChanged()
    expect(share?.hasRoom).toBe(true)
    quota = undefined
    shares.quotasChanged()
    expect([shares.of('acme'), share?.hasRoom]).toEqual([undefined, true])
  })
})
