import { expect, test } from '@jest/globals'
import { StateSeal } from '../../../src/calls/client/state-seal.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'

const HOUR_MS = 3_600_000
const key = Buffer.alloc(32, 7)
const clock = new FakeClock()
const seal = new StateSeal({ keys: { current: key }, clock })
const ann = { principal: principal(), purpose: 'tools/call echo' }

test('what was sealed for a caller and a purpose opens for both, unchanged', () => {
  expect(seal.open(seal.seal('state \u0000 ü', ann), ann)).toBe('state \u0000 ü')
})

test('a sealed text does not show what is in it, and is never the same twice', () => {
  const first = seal.seal('secret-of-the-server', ann)
  expect(Buffer.from(first, 'base64url').toString('latin1')).not.toContain('secret-of-the-server')
  expect(seal.seal('secret-of-the-server', ann)).not.toBe(first)
})

test.each([
  ['another user', { ...ann, principal: principal({ subject: 'bob' }) }],
  ['another tenant', { ...ann, principal: principal({ tenantId: 'beta' }) }],
  ['the same user with fewer rights', { ...ann, principal: principal({ roles: ['x'] }) }],
  ['another purpose', { ...ann, purpose: 'tools/call other' }],
])('it does not open for %s', (_who, binding) => {
  expect(() => seal.open(seal.seal('x', ann), binding)).toThrow(
    expect.objectContaining({ code: 'invalid_request_state' }),
  )
})

test('it does not open once an hour has passed', async () => {
  const sealed = seal.seal('x', ann)
  await clock.advance(HOUR_MS)
  expect(seal.open(sealed, ann)).toBe('x')
  await clock.advance(1)
  expect(() => seal.open(sealed, ann)).toThrow(expect.objectContaining({ code: 'invalid_request_state' }))
})

test.each([
  ['altered', (text: string) => `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`],
  ['cut', (text: string) => text.slice(0, 20)],
  ['empty', () => ''],
  ['made up', () => 'bm90IHNlYWxlZA'],
])('a text that was %s is refused with one and the same error', (_how, change) => {
  expect(() => seal.open(change(seal.seal('x', ann)), ann)).toThrow(
    expect.objectContaining({ code: 'invalid_request_state' }),
  )
})

test('another key does not open it', () => {
  const other = new StateSeal({ keys: { current: Buffer.alloc(32, 8) }, clock })
  expect(() => other.open(seal.seal('x', ann), ann)).toThrow(
    expect.objectContaining({ code: 'invalid_request_state' }),
  )
})
