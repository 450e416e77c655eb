import { expect, test } from '@jest/globals'
import { OneTimeCodes } from '../../src/identity/browser/one-time-codes.ts'
import { FakeClock } from '../support/fake-clock.ts'

const KEY = Buffer.alloc(32, 1)

test('a code is redeemed once', () => {
  const codes = new OneTimeCodes({ keys: { current: KEY }, clock: new FakeClock() })
  const code = codes.issue()
  expect([codes.isValid(code), codes.redeem(code), codes.redeem(code), codes.isValid(code)]).toEqual([
    true,
    true,
    false,
    false,
  ])
})

test('another writing of a used code is the same code', () => {
  const codes = new OneTimeCodes({ keys: { current: KEY }, clock: new FakeClock() })
  const code = codes.issue()
  codes.redeem(code)
  expect([codes.redeem(`${code}=`), codes.redeem(` ${code}`), codes.redeem(`${code}!`)]).toEqual([
    false,
    false,
    false,
  ])
})

test('a code is valid for ten minutes', async () => {
  const clock = new FakeClock()
  const codes = new OneTimeCodes({ keys: { current: KEY }, clock })
  const code = codes.issue()
  await clock.advance(599_999)
  expect(codes.isValid(code)).toBe(true)
  await clock.advance(1)
  expect(codes.redeem(code)).toBe(false)
})

test('a code of a process with the same key is valid, unless it was made before this one started', async () => {
  const clock = new FakeClock()
  const other = new OneTimeCodes({ keys: { current: KEY }, clock })
  const before = other.issue()
  await clock.advance(1)
  const codes = new OneTimeCodes({ keys: { current: KEY }, clock })
  expect([codes.redeem(before), codes.redeem(other.issue())]).toEqual([false, true])
})

test('a code of another key, a changed one, and anything else is refused', () => {
  const clock = new FakeClock()
  const codes = new OneTimeCodes({ keys: { current: KEY }, clock })
  const foreign = new OneTimeCodes({ keys: { current: Buffer.alloc(32, 2) }, clock }).issue()
  const changed = `${codes.issue().slice(0, -3)}AAA`
  expect([foreign, changed, '', 'A'.repeat(43)].map((code) => codes.redeem(code))).toEqual([
    false,
    false,
    false,
    false,
  ])
})
