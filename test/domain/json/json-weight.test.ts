import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { membersOf } from '../../../src/domain/json/json-reader.ts'
import { isTooHeavy, JsonWeight, weightOf } from '../../../src/domain/json/json-weight.ts'

const listOf = (element: string, count: number): Buffer =>
  Buffer.from(`[${Array.from({ length: count }, () => element).join(',')}]`)

test.each([
  // Elements, so that 100,000 and an eighth of the bytes are the weight, or a little more.
  ['empty objects', '{}', 61_500],
  ['empty lists', '[]', 61_500],
  ['objects in objects', '{"a":{}}', 25_800],
])('%s are too many above 100,000 members and one for every 8 bytes', (_what, element, count) => {
  expect(isTooHeavy(listOf(element, count))).toBe(false)
  expect(isTooHeavy(listOf(element, count + 100))).toBe(true)
})

test.each([1, 3, 10])(
  'the more bytes a message has, the more members it may have, as %i MB of rows have',
  (size) => {
    const row = '{"id":12345,"name":"Ann Smith"}'
    expect(isTooHeavy(listOf(row, (size * 1_000_000) / (row.length + 1)))).toBe(false)
  },
)

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

test('the weight is the same in parts, however they are cut, and as the reader of members and the value add it up', () => {
  const weights = fc.jsonValue().map((value) => JSON.stringify({ '"\\': '\\"', value }))
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 7 }), (json, size) => {
      const bytes = Buffer.from(json)
      const weight = new JsonWeight()
      for (let at = 0; at < bytes.length; at += size)
        weight.take(bytes, at, Math.min(bytes.length, at + size))
      expect(weight.total).toBe(membersOf(bytes).weight)
      expect(weight.total).toBe(weightOf(JSON.parse(json)))
    }),
  )
})
