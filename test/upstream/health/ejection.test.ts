import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { type Fleet, readyFleet } from '../fleet-world.ts'
import { KEY } from '../world.ts'

/** Makes an instance answer every call, but no health check, with HTTP 500. */
function sicken(fleet: Fleet, name: string): void {
  fleet.connection(name).answers['tools/call'] = () => {
    throw new GatewayError('upstream_bad_response', undefined, { facts: { mayHaveExecuted: true } })
  }
}

function heal(fleet: Fleet, name: string): void {
  fleet.connection(name).answers['tools/call'] = () => ({ content: [], name })
}

/** Who answers each of `count` calls, one after the other; `x` is a failure. */
async function answers(fleet: Fleet, count: number): Promise<string> {
  let all = ''
  for (let turn = 0; turn < count; turn += 1) all += await fleet.call().catch(() => 'x')
  return all
}

function timesIn(all: string, name: string): number {
  return all.split(name).length - 1
}

describe('an instance whose calls fail', () => {
  test('gets no more of them after five in a row, and the others get them all', async () => {
    const fleet = await readyFleet(['a', 'b'])
    sicken(fleet, 'b')
    expect(await answers(fleet, 10)).toBe('axaxaxaxax')
    expect(await answers(fleet, 20)).toBe('a'.repeat(20))
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({
      state: 'ready',
      instances: [{ health: 'healthy' }, { state: 'ready', health: 'unhealthy' }],
    })
  })

  test('stays while some of its calls succeed', async () => {
    const fleet = await readyFleet(['a', 'b'])
    for (let round = 0; round < 5; round += 1) {
      sicken(fleet, 'b')
      expect(await answers(fleet, 8)).toBe('axaxaxax')
      heal(fleet, 'b')
      expect(await answers(fleet, 2)).toBe('ab')
    }
  })

  test('is tried again after a while, and is back when that succeeds', async () => {
    const fleet = await readyFleet(['a', 'b'])
    sicken(fleet, 'b')
    await answers(fleet, 10)
    await fleet.advance(9999)
    expect(await answers(fleet, 4)).toBe('aaaa')
    heal(fleet, 'b')
    await fleet.advance(1)
    expect(timesIn(await answers(fleet, 10), 'b')).toBe(5)
  })

  test('is left out for twice as long each time that it fails again', async () => {
    const fleet = await readyFleet(['a', 'b'])
    sicken(fleet, 'b')
    await answers(fleet, 10)
    for (const outMs of [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
      await fleet.advance(outMs - 1)
      expect(await answers(fleet, 4)).toBe('aaaa')
      await fleet.advance(1)
      expect(timesIn(await answers(fleet, 10), 'x')).toBe(1)
    }
  })

  test('gets one call at a time while it is tried', async () => {
    const fleet = await readyFleet(['a', 'b'])
    sicken(fleet, 'b')
    await answers(fleet, 10)
    await fleet.advance(10_000)
    const held = Promise.withResolvers<never>()
    let tried = 0
    fleet.connection('b').answers['tools/call'] = () => {
      tried += 1
      return held.promise
    }
    const calls = Array.from({ length: 6 }, () => fleet.call().catch(() => 'x'))
    await fleet.advance(0)
    expect(tried).toBe(1)
    held.reject(new GatewayError('upstream_unavailable'))
    expect((await Promise.all(calls)).toSorted().join('')).toBe('aaaaax')
  })

  test('is new when it is connected again', async () => {
    const fleet = await readyFleet(['a', 'b'])
    sicken(fleet, 'b')
    await answers(fleet, 10)
    await fleet.lose('b')
    await fleet.advance(1000)
    await fleet.open()
    expect(await fleet.shares(4)).toEqual({ a: 2, b: 2 })
  })
})

test('half of the instances stay, whatever their calls come to', async () => {
  const fleet = await readyFleet(['a', 'b', 'c', 'd'], { circuitBreaker: { failureThreshold: 5 } })
  for (const name of ['a', 'b', 'c']) sicken(fleet, name)
  const all = await answers(fleet, 40)
  expect(all.slice(-8)).toBe('xdxdxdxd')
})

test('the only instance is never left out', async () => {
  const fleet = await readyFleet(['a'])
  sicken(fleet, 'a')
  expect(await answers(fleet, 12)).toBe('x'.repeat(12))
  expect(fleet.world.upstreams.status(KEY)).toMatchObject({ instances: [{ health: 'healthy' }] })
})

test('calls that say nothing of the instance do not count', async () => {
  const fleet = await readyFleet(['a', 'b'])
  const codes = ['cancelled', 'upstream_error', 'response_too_large'] as const
  for (const code of codes) {
    fleet.connection('b').answers['tools/call'] = () => {
      throw new GatewayError(code)
    }
    expect(await answers(fleet, 14)).toBe('ax'.repeat(7))
  }
})

test('where the circuit breaker is off, no instance is left out', async () => {
  const fleet = await readyFleet(['a', 'b'], { circuitBreaker: { enabled: false } })
  sicken(fleet, 'b')
  expect(await answers(fleet, 20)).toBe('ax'.repeat(10))
})
