import { describe, expect, test } from '@jest/globals'
import type { ErrorCode } from '../../../src/domain/errors/error-table.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { UnfitAnswer } from '../../../src/upstream/connection/upstream-error.ts'
import { Tried } from './tried-breaker.ts'

const OPEN = { code: 'circuit_open', facts: { server: 'alpha', mayHaveExecuted: false } }

describe('closed', () => {
  test('results and errors pass as they are', async () => {
    const { breaker } = new Tried()
    const result = { content: [] }
    const error = new GatewayError('upstream_error')
    expect(
      await breaker.run(
        () => Promise.resolve(result),
        () => true,
      ),
    ).toBe(result)
    await expect(
      breaker.run(
        () => Promise.reject(error),
        () => true,
      ),
    ).rejects.toBe(error)
  })

  test('opens with the last of as many failures in a row as configured, and says why', async () => {
    const it = new Tried()
    await it.failTimes(2)
    expect(it.breaker.state).toBe('closed')
    await it.fail('upstream_unavailable')
    expect(it.breaker.state).toBe('open')
    expect(it.transitions).toEqual(['open: 3 calls in a row failed: upstream_unavailable'])
  })

  test('opens with the first failure where the threshold is 1', async () => {
    const it = new Tried({ failureThreshold: 1 })
    await it.fail()
    expect(it.breaker.state).toBe('open')
  })

  test('a success begins the count anew', async () => {
    const it = new Tried()
    await it.failTimes(2)
    await it.succeed()
    await it.failTimes(2)
    expect(it.breaker.state).toBe('closed')
  })

  test('counts failures of calls that run at the same time, however many have not ended', async () => {
    const it = new Tried()
    const calls = Array.from({ length: 10 }, () => it.begin())
    for (const { reject, outcome } of calls.slice(0, 3)) {
      reject(new GatewayError('upstream_timeout'))
      await outcome
    }
    expect(it.breaker.state).toBe('open')
  })

  test.each<ErrorCode>(['upstream_unavailable', 'upstream_timeout', 'upstream_bad_response'])(
    '%s is a failure',
    async (code) => {
      const it = new Tried({ failureThreshold: 1 })
      await it.fail(code)
      expect(it.breaker.state).toBe('open')
    },
  )

  test.each<ErrorCode>(['upstream_error', 'upstream_refused', 'response_too_large'])(
    '%s shows that the server is there',
    async (code) => {
      const it = new Tried()
      await it.failTimes(2)
      await it.fail(code)
      await it.failTimes(2)
      expect(it.breaker.state).toBe('closed')
    },
  )

  test.each([
    ['refused for what it is', { facts: { mayHaveExecuted: false } }],
    ['answered with what does not fit it', { facts: { mayHaveExecuted: true }, cause: new UnfitAnswer() }],
  ])('a request that the server has %s shows that the server is there', async (_what, options) => {
    const it = new Tried({ failureThreshold: 1 })
    const { reject, outcome } = it.begin()
    reject(new GatewayError('upstream_bad_response', undefined, options))
    await outcome
    expect(it.breaker.state).toBe('closed')
  })

  test.each<ErrorCode>([
    'cancelled',
    'upstream_busy',
    'client_not_reachable',
    'shutting_down',
    'overloaded',
    'internal',
  ])('%s counts neither way', async (code) => {
    const it = new Tried()
    await it.failTimes(2)
    await it.fail(code)
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.breaker.state).toBe('open')
  })

  test('what never got as far as the server counts neither way', async () => {
    const it = new Tried()
    await it.failTimes(2)
    await it.fail('upstream_unavailable', false)
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.breaker.state).toBe('open')
  })

  test('opens when more than half of the calls failed, though never as many in a row, and says so', async () => {
    const it = new Tried({ minimumCalls: 10 })
    await it.mix('ffsffsffs')
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.transitions).toEqual(['open: 7 of 10 calls within 60000 ms failed: upstream_timeout'])
  })

  test.each([
    ['was cancelled', (it: Tried) => it.fail('cancelled')],
    ['was refused because too many wait', (it: Tried) => it.fail('upstream_busy')],
    ['never got as far as the server', (it: Tried) => it.fail('upstream_unavailable', false)],
    ['has not ended', (it: Tried) => Promise.resolve(it.begin())],
  ])('a call that %s is no part of the window', async (_what, call) => {
    const it = new Tried({ minimumCalls: 10 })
    await it.mix('ffsffsffs')
    for (let index = 0; index < 10; index += 1) await call(it)
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.transitions).toEqual(['open: 7 of 10 calls within 60000 ms failed: upstream_timeout'])
  })

  test('stays closed while a server fails now and then', async () => {
    const it = new Tried({ minimumCalls: 10 })
    for (let round = 0; round < 100; round += 1) {
      await it.mix('ssffsf')
      await it.clock.advance(1000)
    }
    expect(it.transitions).toEqual([])
  })

  test('counts calls of the last window only', async () => {
    const it = new Tried({ minimumCalls: 10 })
    await it.mix('ffsffsffs')
    await it.clock.advance(60_000)
    await it.mix('ffsffsffs')
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.breaker.state).toBe('open')
  })

  test('takes as many failures after thousands of calls as before', async () => {
    const it = new Tried()
    for (let index = 0; index < 3000; index += 1) await it.succeed()
    await it.failTimes(3)
    expect(it.breaker.state).toBe('open')
  })
})

describe('open', () => {
  test('rejects at once, without calling, and says when to come back', async () => {
    const it = new Tried()
    await it.failTimes(3)
    await it.clock.advance(2500)
    expect(await it.succeed()).toMatchObject({ ...OPEN, facts: { ...OPEN.facts, retryAfterMs: 7500 } })
    expect(it.tried).toBe(3)
  })

  test('calls from before neither close nor reopen it', async () => {
    const it = new Tried()
    const [good, bad] = [it.begin(), it.begin()]
    await it.failTimes(3)
    good.resolve({})
    bad.reject(new GatewayError('upstream_timeout'))
    expect(await good.outcome).toEqual({})
    expect(await bad.outcome).toMatchObject({ code: 'upstream_timeout' })
    expect(it.breaker.state).toBe('open')
    expect(it.transitions).toHaveLength(1)
  })

  test('waits for the recovery time, and not longer', async () => {
    const it = new Tried()
    await it.failTimes(3)
    await it.clock.advance(9999)
    expect(it.breaker.state).toBe('open')
    await it.clock.advance(1)
    expect(it.breaker.state).toBe('half_open')
    expect(it.transitions.at(-1)).toBe('half_open: its recovery timeout (10000 ms) has elapsed')
  })
})

describe('half-open', () => {
  test('lets one call through and rejects others until it has ended', async () => {
    const it = new Tried()
    await it.untilTrial()
    const trial = it.begin()
    expect(await it.succeed()).toMatchObject({ ...OPEN, facts: { ...OPEN.facts, retryAfterMs: 1000 } })
    expect(await it.succeed()).toMatchObject(OPEN)
    expect(it.tried).toBe(4)
    trial.resolve({})
    await trial.outcome
    expect(it.breaker.state).toBe('closed')
    expect(it.transitions.at(-1)).toBe('closed: the trial call succeeded')
    expect(await it.succeed()).toEqual({})
  })

  test('a trial that fails opens it again for the whole recovery time', async () => {
    const it = new Tried()
    await it.untilTrial()
    await it.fail('upstream_bad_response')
    expect(it.breaker.state).toBe('open')
    expect(it.transitions.at(-1)).toBe('open: the trial call failed: upstream_bad_response')
    await it.clock.advance(9999)
    expect(await it.succeed()).toMatchObject({ ...OPEN, facts: { ...OPEN.facts, retryAfterMs: 1 } })
    await it.clock.advance(1)
    expect(await it.succeed()).toEqual({})
    expect(it.breaker.state).toBe('closed')
  })

  test('closes with an error of a server that is there', async () => {
    const it = new Tried()
    await it.untilTrial()
    await it.fail('upstream_error')
    expect(it.breaker.state).toBe('closed')
  })

  test.each<[string, ErrorCode, boolean]>([
    ['that was cancelled', 'cancelled', true],
    ['that was refused for want of a place', 'upstream_busy', true],
    ['that never got as far as the server', 'upstream_unavailable', false],
  ])('a trial %s does not close it; the next call is one', async (_what, code, wasSent) => {
    const it = new Tried()
    await it.untilTrial()
    await it.fail(code, wasSent)
    expect(it.breaker.state).toBe('half_open')
    const next = it.begin()
    expect(await it.succeed()).toMatchObject(OPEN)
    next.resolve({})
    await next.outcome
    expect(it.breaker.state).toBe('closed')
  })

  test('needs as many failures as ever once it has closed', async () => {
    const it = new Tried()
    await it.untilTrial()
    await it.succeed()
    await it.failTimes(2)
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.breaker.state).toBe('open')
  })

  test('calls from before it opened are no trials', async () => {
    const it = new Tried()
    const [good, bad] = [it.begin(), it.begin()]
    await it.untilTrial()
    bad.reject(new GatewayError('upstream_timeout'))
    await bad.outcome
    good.resolve({})
    await good.outcome
    expect(it.breaker.state).toBe('half_open')
  })

  test('a trial that takes longer than the recovery time lets another one through; the first success counts', async () => {
    const it = new Tried()
    await it.untilTrial()
    const first = it.begin()
    await it.clock.advance(10_000)
    const second = it.begin()
    expect(await it.succeed()).toMatchObject(OPEN)
    first.resolve({})
    expect(await first.outcome).toEqual({})
    expect(it.breaker.state).toBe('closed')
    second.reject(new GatewayError('upstream_timeout'))
    await second.outcome
    expect(it.transitions.slice(1)).toEqual([
      'half_open: its recovery timeout (10000 ms) has elapsed',
      'closed: the trial call succeeded',
    ])
  })

  test('the failure of a trial that another has taken over from opens nothing', async () => {
    const it = new Tried()
    await it.untilTrial()
    const first = it.begin()
    await it.clock.advance(10_000)
    const second = it.begin()
    first.reject(new GatewayError('upstream_timeout'))
    await first.outcome
    expect(it.breaker.state).toBe('half_open')
    second.resolve({})
    await second.outcome
    expect(it.breaker.state).toBe('closed')
  })
})
