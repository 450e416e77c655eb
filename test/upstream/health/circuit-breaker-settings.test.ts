import { describe, expect, test } from '@jest/globals'
import { SETTINGS, Tried } from './tried-breaker.ts'

describe('settings', () => {
  test('switched off, nothing opens it', async () => {
    const it = new Tried({ enabled: false })
    await it.failTimes(10)
    expect([it.breaker.state, it.tried]).toEqual([undefined, 10])
  })

  test('an edit of the threshold counts with the next failure', async () => {
    const it = new Tried()
    await it.failTimes(2)
    it.breaker.update({ ...SETTINGS, failureThreshold: 5 })
    await it.failTimes(2)
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.breaker.state).toBe('open')
  })

  test('an edit of the percentage counts with the next failure', async () => {
    const it = new Tried({ minimumCalls: 5, errorPercentage: 90 })
    await it.mix('ffsffs')
    it.breaker.update({ ...SETTINGS, minimumCalls: 5, errorPercentage: 50 })
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.transitions).toEqual(['open: 5 of 7 calls within 60000 ms failed: upstream_timeout'])
  })

  test('an edit of the window counts from the next call on', async () => {
    const it = new Tried({ minimumCalls: 5 })
    await it.mix('ffsf')
    it.breaker.update({ ...SETTINGS, minimumCalls: 5, windowMs: 1000 })
    await it.clock.advance(1000)
    await it.mix('sffs')
    expect(it.breaker.state).toBe('closed')
    await it.fail()
    expect(it.transitions).toEqual(['open: 3 of 5 calls within 1000 ms failed: upstream_timeout'])
  })

  test('an edit of the recovery time counts from when it opened', async () => {
    const it = new Tried()
    await it.failTimes(3)
    await it.clock.advance(4000)
    it.breaker.update({ ...SETTINGS, recoveryTimeoutMs: 5000 })
    await it.clock.advance(999)
    expect(it.breaker.state).toBe('open')
    await it.clock.advance(1)
    expect(it.breaker.state).toBe('half_open')
  })

  test('switching it off lets calls through at once, and on again it is closed', async () => {
    const it = new Tried()
    await it.failTimes(3)
    it.breaker.update({ ...SETTINGS, enabled: false })
    expect(it.transitions.at(-1)).toBe('closed: the circuit breaker was disabled')
    expect(await it.succeed()).toEqual({})
    it.breaker.update(SETTINGS)
    expect(it.breaker.state).toBe('closed')
    expect(await it.succeed()).toEqual({})
    expect(it.clock.pending).toBe(0)
  })
})

test('closed down it leaves no timer, and lets through whoever still calls', async () => {
  const it = new Tried()
  await it.failTimes(3)
  expect(it.clock.pending).toBe(1)
  it.breaker.close()
  it.breaker.close()
  expect(it.clock.pending).toBe(0)
  expect(await it.succeed()).toEqual({})
  it.breaker.update({ ...SETTINGS, recoveryTimeoutMs: 1 })
  expect(it.clock.pending).toBe(0)
})

test('no timer is left once a trial has ended', async () => {
  const it = new Tried()
  await it.untilTrial()
  await it.succeed()
  expect(it.clock.pending).toBe(0)
})
