import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { checkKey, stateKey } from '../../src/state/state-key.ts'
import { anyText } from '../support/shared/any-text.ts'

test('a key has its parts in it, as far as they are plain', () => {
  expect(stateKey('acme', 'ada@example.com', 'github')).toBe('acme/ada%40example.com/github')
})

test('different parts give different keys, and every key is one that stores take', () => {
  const parts = fc.array(anyText({ maxLength: 300 }), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(stateKey(...one) === stateKey(...other)).toBe(JSON.stringify(one) === JSON.stringify(other))
      if (one.join('') !== '') checkKey('vault', stateKey(...one))
    }),
  )
})

test('the key of the first parts, with a slash, begins the keys of all that have them and no others', () => {
  const part = anyText({ minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(part, part, part, (tenant, subject, other) => {
      expect(stateKey(tenant, subject).startsWith(`${stateKey(tenant)}/`)).toBe(true)
      expect(stateKey(other, subject).startsWith(`${stateKey(tenant)}/`)).toBe(other === tenant)
    }),
  )
})
