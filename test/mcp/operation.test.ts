import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json.ts'
import { aimOf, splitProgressToken } from '../../src/mcp/operation.ts'

describe('the aim of a request', () => {
  test.each([
    ['tools/call', { name: 'a_b', arguments: {} }, { action: 'call', kind: 'tool', name: 'a_b' }],
    ['tools/call', { name: 'a_b' }, { action: 'call', kind: 'tool', name: 'a_b' }],
    ['prompts/get', { name: 'a_b' }, { action: 'get', kind: 'prompt', name: 'a_b' }],
    ['resources/read', { uri: 'x://1' }, { action: 'read', kind: 'resource', name: 'x://1' }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'a_b' } },
      { action: 'complete', kind: 'prompt', name: 'a_b' },
    ],
    [
      'completion/complete',
      { ref: { type: 'ref/resource', uri: 'x://{id}' } },
      { action: 'complete', kind: 'resource', name: 'x://{id}' },
    ],
  ])('%s %j', (method, params, aim) => {
    expect(aimOf(method, params)).toEqual(aim)
  })

  test.each(['tools/list', 'no/such', '', '__proto__', 'constructor'])('%j has none', (method) => {
    expect(aimOf(method, { name: 'x' })).toBeUndefined()
  })

  const malformed: [string, JsonObject, string][] = [
    ['tools/call', {}, 'name must be a non-empty string'],
    ['tools/call', { name: '' }, 'name must be a non-empty string'],
    ['tools/call', { name: ['a'] }, 'name must be a non-empty string'],
    ['tools/call', { name: 'a', arguments: null }, 'arguments must be an object'],
    ['prompts/get', { name: 'a', arguments: [] }, 'arguments must be an object'],
    ['resources/read', { uri: 1 }, 'uri must be a non-empty string'],
    ['completion/complete', {}, 'ref.type must be ref/prompt or ref/resource'],
    ['completion/complete', { ref: { type: 'ref/prompt' } }, 'name must be a non-empty string'],
  ]
  test.each(malformed)('%s %j is not well formed', (method, params, message) => {
    expect(() => aimOf(method, params)).toThrow(
      expect.objectContaining({ code: 'invalid_arguments', message }),
    )
  })
})

describe('the progress token', () => {
  const cases: [JsonObject, JsonObject, unknown][] = [
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1, _meta: { progressToken: 'p', x: 2 } }, { a: 1, _meta: { x: 2 } }, 'p'],
    [{ _meta: { progressToken: 0 } }, {}, 0],
    [{ _meta: { progressToken: {} } }, {}, undefined],
    [{ a: 1, _meta: 'text' }, { a: 1 }, undefined],
  ]
  test.each(cases)('of %j stays here', (params, kept, progressToken) => {
    expect(splitProgressToken(params)).toEqual({ params: kept, progressToken })
  })
})
