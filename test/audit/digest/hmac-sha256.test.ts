import { createHmac } from 'node:crypto'
import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { hmacSha256 } from '../../../src/audit/digest/hmac-sha256.ts'
import { anyText } from '../../support/shared/any-text.ts'

const KEY_LENGTHS = [0, 1, 32, 63, 64, 65, 200]
const TEXT_LENGTHS = [0, 1, 55, 56, 63, 64, 65, 2047, 2048, 2049, 10_000]

const expected = (key: Uint8Array, text: string): string =>
  createHmac('sha256', key).update(text).digest('hex')

test('is the HMAC-SHA-256 of RFC 4231', () => {
  expect(hmacSha256(Buffer.from('Jefe'))('what do ya want for nothing?')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  )
})

test('is what an Hmac object computes, for keys and texts of all lengths', () => {
  for (const keyLength of KEY_LENGTHS) {
    const key = Buffer.alloc(keyLength, 0xa5)
    const hmac = hmacSha256(key)
    for (const unit of ['a', 'é', '€', '\ud800'])
      for (const length of TEXT_LENGTHS)
        expect(hmac(unit.repeat(length))).toBe(expected(key, unit.repeat(length)))
  }
})

test('is what an Hmac object computes, for any key and one text after another', () => {
  const texts = fc.array(anyText({ maxLength: 3000 }), { maxLength: 5 })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), texts, (key, all) => {
      const hmac = hmacSha256(key)
      expect(all.map(hmac)).toEqual(all.map((text) => expected(key, text)))
    }),
  )
})
