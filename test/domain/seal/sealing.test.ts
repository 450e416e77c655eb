import { expect, test } from '@jest/globals'
import { Sealing } from '../../../src/domain/seal/sealing.ts'

const old = Buffer.alloc(32, 1)
const current = Buffer.alloc(32, 2)
const sealing = new Sealing({ current }, 'one use')

test('what was sealed opens for what it is bound to and the same use only', () => {
  const sealed = sealing.seal('text \u0000 ü', 'ann')
  expect(sealing.open(sealed, 'ann')).toBe('text \u0000 ü')
  expect(sealing.open(sealed, 'bob')).toBeUndefined()
  expect(new Sealing({ current }, 'another use').open(sealed, 'ann')).toBeUndefined()
  expect(sealed).toMatch(/^[\w-]+$/)
})

test('what another key has sealed opens as long as that key is the previous one', () => {
  const sealed = new Sealing({ current: old }, 'one use').seal('x', 'ann')
  expect(sealing.open(sealed, 'ann')).toBeUndefined()
  expect(new Sealing({ current, previous: old }, 'one use').open(sealed, 'ann')).toBe('x')
})

test('with two keys the current one seals', () => {
  const sealed = new Sealing({ current, previous: old }, 'one use').seal('x', 'ann')
  expect(sealing.open(sealed, 'ann')).toBe('x')
})

test('a text that was changed, cut, or spelled in another way does not open', () => {
  const sealed = sealing.seal('x', 'ann')
  const changed = (sealed.startsWith('A') ? 'B' : 'A') + sealed.slice(1)
  for (const text of [changed, sealed.slice(0, -2), `${sealed}=`, `${sealed} `, '', 'x'])
    expect(sealing.open(text, 'ann')).toBeUndefined()
})
