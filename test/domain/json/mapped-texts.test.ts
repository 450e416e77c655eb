import { describe, expect, test } from '@jest/globals'
import { atOnce, type Slices } from '../../../src/domain/concurrency/slices.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { withTexts } from '../../../src/domain/json/mapped-texts.ts'
import { textMask } from '../../../src/domain/text/linear/text-masks.ts'

const upper = (text: string): string => text.toUpperCase()

describe('every text of a JSON object', () => {
  test('is changed, names of members too, in the same order', () => {
    const value = JSON.parse('{"b":["x",1,null,{"c":"y"}],"a":true,"__proto__":"z"}') as JsonObject
    expect(JSON.stringify(atOnce(withTexts(value, upper)))).toBe(
      '{"B":["X",1,null,{"C":"Y"}],"A":true,"__PROTO__":"Z"}',
    )
    const named = atOnce(withTexts({ x: 1 }, () => '__proto__'))
    expect(Object.keys(named)).toEqual(['__proto__'])
  })

  test('leaves the same object where none changes', () => {
    const value = { A: ['X', { B: 1 }] }
    expect(atOnce(withTexts(value, upper))).toBe(value)
  })
})

/** How many times something was done in the longest slice. */
function longest<T>(work: Slices<T>, count: () => number): number {
  let most = 0
  let before = count()
  for (let step = work.next(); ; step = work.next()) {
    most = Math.max(most, count() - before)
    before = count()
    if (step.done === true) return most
  }
}

test.each<[string, JsonObject]>([
  ['long texts', { a: Array.from({ length: 50 }, () => 'x'.repeat(20_000)) }],
  ['short texts', { a: Array.from({ length: 50_000 }, () => 'x') }],
  ['members', Object.fromEntries(Array.from({ length: 50_000 }, (_each, at) => [`m${at}`, 'x']))],
])('no slice looks at more than 64 Ki characters or 8 Ki texts, of many %s', (_of, value) => {
  let texts = 0
  let characters = 0
  const look = (text: string): string => {
    texts += 1
    characters += text.length
    return text
  }
  expect(longest(withTexts(value, look), () => texts)).toBeLessThanOrEqual(8192)
  expect(longest(withTexts(value, look), () => characters)).toBeLessThanOrEqual(65_536)
})

test('one long text is masked in slices, with what it would be at once', () => {
  const mask = textMask(['[a-z]+@[a-z.]+', String.raw`\b\d{3}\b`])
  const text = 'joe@example.com has 123, '.repeat(20_000)
  const work = mask.slices(text, '***')
  let slices = 1
  for (let step = work.next(); step.done !== true; step = work.next()) slices += 1
  expect(slices).toBeGreaterThan(text.length / 32_768)
  expect(mask.apply(text, '***')).toEqual({ text: '*** has ***, '.repeat(20_000), count: 40_000 })
})
