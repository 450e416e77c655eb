import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { canonicalJson, isJsonObject } from '../../../src/domain/json/json.ts'

test('canonical text has sorted keys at every depth', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}')
})

test('canonical text says the same as the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('only objects are objects', () => {
  expect([{}, Object.create(null)].every(isJsonObject)).toBe(true)
  expect([null, [], 'x', 5, undefined].some(isJsonObject)).toBe(false)
})
