import { expect, test } from '@jest/globals'
import { assert, json, property } from 'fast-check'
import { jsonOfJsonc, placeOfJsonError } from '../../../src/registry/file/jsonc.ts'

test('comments and trailing commas are passed over, and strings stay', () => {
  const text = '// a\n{ "u": "https://x/*y*/", /* b\n */ "l": [1, 2, /* c */ ], "q": "\\"//,]", // d\n}\n'
  expect(JSON.parse(jsonOfJsonc(text))).toEqual({ u: 'https://x/*y*/', l: [1, 2], q: '"//,]' })
  expect(jsonOfJsonc(text)).toHaveLength(text.length)
})

test('JSON stays as it is', () => {
  assert(property(json(), (text) => expect(jsonOfJsonc(text)).toBe(text)))
})

test.each(['"', '/*', '/', '//', ',', ',/*', '\\', '"\\'])('many %p take linear time', (piece) => {
  const took = (count: number): number => {
    const text = piece.repeat(count)
    const start = performance.now()
    jsonOfJsonc(text)
    return performance.now() - start
  }
  took(1000)
  expect(took(400_000)).toBeLessThan(20_000)
})

test('an error has its line and column', () => {
  const text = '{\n  "a": 1\n  "b": 2\n}'
  const place = (broken: string): unknown => {
    try {
      return JSON.parse(broken) as unknown
    } catch (error) {
      return placeOfJsonError(broken, error)
    }
  }
  expect(place(text)).toEqual({ line: 3, column: 3 })
  expect(place('{"a": 1')).toEqual({ line: 1, column: 8 })
})
