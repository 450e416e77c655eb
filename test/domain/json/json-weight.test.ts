import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { membersOf } from '../../../src/domain/json/json-reader.ts'
import { isTooHeavy, JsonWeight } from '../../../src/domain/json/json-weight.ts'

const listOf = (element: string, count: number): Buffer =>
  Buffer.from(`[${Array.from({ length: count }, () => element).join(',')}]`)

test.each([
  ['empty objects', '{}', 499_999],
  ['empty lists', '[]', 499_999],
  ['objects in objects', '{"a":{}}', 199_999],
])('%s are too many at half a million lists, objects and pairs of members', (_what, element, count) => {
  expect(isTooHeavy(listOf(element, count))).toBe(false)
  expect(isTooHeavy(listOf(element, count + 1))).toBe(true)
})

test.each([
  ['rows of four fields', '{"id":12345,"name":"Ann Smith","email":"ann@example.com","active":true}', 140_000],
  ['coordinates', '[13.404954,52.520008]', 450_000],
  ['numbers', '1', 5_000_000],
  ['texts that look like JSON', String.raw`"{\"a\":[{},{}]}\\"`, 550_000],
])('10 MB of %s are not too heavy', (_what, element, count) => {
  const bytes = listOf(element, count)
  expect(bytes.length).toBeGreaterThan(9_500_000)
  expect(isTooHeavy(bytes)).toBe(false)
})

test('the weight is the same in parts, however they are cut, and as the reader of members adds it up', () => {
  const weights = fc.jsonValue().map((value) => JSON.stringify({ '"\\': '\\"', value }))
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 7 }), (json, size) => {
      const bytes = Buffer.from(json)
      const weight = new JsonWeight()
      for (let at = 0; at < bytes.length; at += size)
        weight.take(bytes, at, Math.min(bytes.length, at + size))
      expect(weight.total).toBe(membersOf(bytes).weight)
    }),
  )
})
