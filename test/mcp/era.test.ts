import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { forEra } from '../../src/mcp/era.ts'
import { methodOf } from '../support/routing.ts'

test('a modern client learns how fresh a resource is, and that only it may cache it', () => {
  const result = { contents: [], ttlMs: 5, cacheScope: 'public', x: 1 }
  expect(forEra('modern', methodOf('resources/read'), result, undefined)).toEqual({
    ...result,
    cacheScope: 'private',
  })
  expect(forEra('legacy', methodOf('resources/read'), result, undefined)).toEqual({ contents: [], x: 1 })
  expect(forEra('modern', methodOf('resources/read'), { contents: [] }, undefined)).toEqual({
    contents: [],
    cacheScope: 'private',
  })
})

const LISTED = { name: 'a', outputSchema: { type: 'object' } }
const WRAPPED = { name: 'a', outputSchema: { type: 'array' } }
const UNTYPED = { name: 'a', outputSchema: { anyOf: [{ type: 'object' }] } }

const legacy: [unknown, JsonObject | undefined, unknown][] = [
  [{ a: 1 }, LISTED, { a: 1 }],
  [{ a: 1 }, { name: 'a' }, { a: 1 }],
  [{ a: 1 }, undefined, { a: 1 }],
  [{ a: 1 }, UNTYPED, { result: { a: 1 } }],
  [[1], WRAPPED, { result: [1] }],
  [null, undefined, { result: null }],
]
test.each(legacy)('structured content %j of a tool %j is %j to a legacy client', (value, tool, expected) => {
  const result = { content: [], structuredContent: value, x: 1 }
  expect(forEra('legacy', methodOf('tools/call'), result, tool)).toEqual({
    ...result,
    structuredContent: expected,
  })
  expect(forEra('modern', methodOf('tools/call'), result, tool)).toBe(result)
})

test.each([{}, { structuredContent: { a: 1 } }, { content: null }, { resultType: 'complete', x: 1 }])(
  'a result of a tool without content (%j) has an empty list of it for a modern client, which requires one',
  (result) => {
    expect(forEra('modern', methodOf('tools/call'), result, undefined)).toEqual({ ...result, content: [] })
  },
)

test.each([{ task: { taskId: 'a' } }, { resultType: 'task', taskId: 'a' }])(
  'what is no result of a tool yet (%j) has none',
  (result) => {
    expect(forEra('modern', methodOf('tools/call'), result, undefined)).toBe(result)
  },
)

test('a result without it, and every other result, is the very same', () => {
  const result = { content: [], x: 1 }
  expect(forEra('legacy', methodOf('tools/call'), result, WRAPPED)).toBe(result)
  expect(forEra('legacy', methodOf('prompts/get'), result, undefined)).toBe(result)
})
