import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { type Allowance, Allowances } from '../../../src/calls/limits/allowances.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MINUTE = { calls: 3, perMs: 60_000 }

function allowance(key: string, fields: Partial<Allowance> = MINUTE): Allowance {
  return { key, commonKey: 'all', ...MINUTE, ...fields }
}

function begin(maxKeys?: number) {
  const clock = new FakeClock()
  const allowances = new Allowances({ clock, ...(maxKeys !== undefined && { maxKeys }) })
  /** How many of `tries` calls are let through. */
  const take = (tries: number, ...wanted: Allowance[]): number =>
    Array.from({ length: tries }, () => allowances.take(wanted)).filter((refused) => refused === undefined)
      .length
  return { clock, allowances, take }
}

test('so many calls at once, and then one whenever its share of the time has passed', async () => {
  const { clock, allowances, take } = begin()
  expect(take(5, allowance('ann'))).toBe(3)
  expect(allowances.take([allowance('ann')])).toMatchObject({ retryAfterMs: 20_000 })
  await clock.advance(19_999)
  expect(allowances.take([allowance('ann')])).toMatchObject({ retryAfterMs: 1 })
  await clock.advance(1)
  expect(take(2, allowance('ann'))).toBe(1)
  await clock.advance(1_000_000)
  expect(take(5, allowance('ann'))).toBe(3)
})

test('keys have allowances of their own', () => {
  const { take } = begin()
  expect(take(5, allowance('ann'))).toBe(3)
  expect(take(5, allowance('bob'))).toBe(3)
})

test('what one allowance refuses is taken from no other', () => {
  const { take } = begin()
  const [large, small] = [allowance('large', { calls: 4 }), allowance('small', { calls: 1 })]
  expect(take(3, large, small)).toBe(1)
  expect(take(5, large)).toBe(3)
})

test('says which allowance is used up', () => {
  const { allowances, take } = begin()
  const [large, small] = [allowance('large'), allowance('small', { calls: 1 })]
  take(1, large, small)
  expect(allowances.take([large, small])?.allowance).toBe(small)
})

test('an allowance of any size lets through exactly what it says', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 86_400_000 }),
      fc.integer({ min: 0, max: 1e9 }),
      (calls, perMs, uptimeMs) => {
        const allowances = new Allowances({
          clock: {
            now: () => 0,
            monotonic: () => uptimeMs,
            after: () => () => undefined,
            at: () => undefined,
          },
        })
        const one = allowance('ann', { calls, perMs })
        const passed = Array.from({ length: calls + 5 }, () => allowances.take([one])).filter(
          (refused) => !refused,
        )
        expect(passed).toHaveLength(calls)
      },
    ),
    { examples: [[498, 1, 536_870_912]] },
  )
})

test('an edit counts at once, and what is owed is never more than the new allowance', () => {
  const { take } = begin()
  const perDay = { perMs: 86_400_000 }
  expect(take(5, allowance('ann', perDay))).toBe(3)
  expect(take(5, allowance('ann', { ...perDay, calls: 5 }))).toBe(0)
  expect(take(5, allowance('bob', { calls: 1, ...perDay }))).toBe(1)
  expect(take(5, allowance('bob', { calls: 1, perMs: 1 }))).toBe(0)
})

describe('with as many keys as there may be', () => {
  test('a key whose bucket is full again is evicted', async () => {
    const { clock, allowances, take } = begin(2)
    take(3, allowance('ann'))
    take(1, allowance('bob'))
    await clock.advance(20_000)
    expect(take(5, allowance('eve'))).toBe(3)
    expect(allowances.size).toBe(2)
    expect(take(5, allowance('ann'))).toBe(1)
  })

  test('one that is used up is never forgotten: newcomers share an allowance', () => {
    const { allowances, take } = begin(2)
    take(3, allowance('ann'))
    take(3, allowance('bob'))
    expect(take(2, allowance('eve'))).toBe(2)
    expect(take(2, allowance('joe'))).toBe(1)
    expect(take(1, allowance('joe', { commonKey: 'others' }))).toBe(1)
    expect([take(1, allowance('ann')), take(1, allowance('bob')), allowances.size]).toEqual([0, 0, 2])
  })
})
