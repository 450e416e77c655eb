import { expect, test } from '@jest/globals'
import { keysFor } from '../../../src/domain/seal/key-ring.ts'
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

test('a text without any character is sealed like every other', () => {
  expect(sealing.open(sealing.seal('', 'ann'), 'ann')).toBe('')
  expect(sealing.open(sealing.seal('', 'ann'), 'bob')).toBeUndefined()
})

test('keys of a use are made of those of the ring alone, and stay what they are', () => {
  const keys = keysFor({ current, previous: old }, 'one use').map((key) => key.toString('hex'))
  expect(keys).toEqual([
    '2875bb9f72774b27bed8bf51b52031f9270bd39591ebf0a122bc2f8df7d9b2cb',
    '95985f80074a47dadcec770d7f1e36b1c996e5ac8d3763ffb104705d0bf8892e',
  ])
  expect(keysFor({ current }, 'one use')).toHaveLength(1)
})
