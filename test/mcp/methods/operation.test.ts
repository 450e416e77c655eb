import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { type AimContext, aimOf, splitProgressToken } from '../../../src/mcp/methods/operation.ts'

const TASK = { server: 'acme/alpha', tool: 'slow.one', taskId: 't1' }
const CONTEXT: AimContext = {
  scope: undefined,
  taskOf: (handle) => (handle === 'sealed' ? TASK : undefined),
  toolName: ({ tool }) => `known as ${tool}`,
}

describe('the aim of a request', () => {
  test.each([
    ['tools/call', { name: 'a_b', arguments: {} }, { action: 'call', kind: 'tool', name: 'a_b' }],
    ['tools/call', { name: 'a_b' }, { action: 'call', kind: 'tool', name: 'a_b' }],
    ['prompts/get', { name: 'a_b' }, { action: 'get', kind: 'prompt', name: 'a_b' }],
    ['skills/get', { uri: 'x://1' }, { action: 'read', kind: 'resource', name: 'x://1' }],
    ['resources/directory/read', { uri: 'x://1' }, { action: 'list', kind: 'resource', name: 'x://1' }],
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
    expect(aimOf(method, params, CONTEXT)).toEqual(aim)
  })

  test.each(['tasks/get', 'tasks/result', 'tasks/update', 'tasks/cancel'])(
    '%s is a call of the tool whose call the task is, under the name that the caller knows',
    (method) => {
      const aim = { action: 'call', kind: 'tool', task: TASK }
      const params = { taskId: 'sealed' }
      expect(aimOf(method, params, CONTEXT)).toEqual({ ...aim, name: 'known as slow.one' })
      expect(aimOf(method, { taskId: 't1' }, CONTEXT)).toMatchObject({ task: 'unknown' })
    },
  )

  test('skills/list goes to the one server that is addressed alone', () => {
    expect(aimOf('skills/list', {}, { ...CONTEXT, scope: 'alpha' })).toEqual({
      action: 'list',
      kind: 'server',
      name: 'alpha',
    })
    expect(aimOf('skills/list', {}, CONTEXT)).toBeUndefined()
  })

  test.each(['tools/list', 'no/such', '', '__proto__', 'constructor'])('%j has none', (method) => {
    expect(aimOf(method, { name: 'x' }, CONTEXT)).toBeUndefined()
  })

  const malformed: [string, JsonObject, string][] = [
    ['tools/call', {}, 'name must be a non-empty string'],
    ['tools/call', { name: '' }, 'name must be a non-empty string'],
    ['tools/call', { name: ['a'] }, 'name must be a non-empty string'],
    ['tools/call', { name: 'a', arguments: null }, 'arguments must be an object'],
    ['prompts/get', { name: 'a', arguments: [] }, 'arguments must be an object'],
    ['tasks/get', { taskId: 1 }, 'taskId must be a non-empty string'],
    ['resources/read', { uri: 1 }, 'uri must be a non-empty string'],
    ['completion/complete', {}, 'ref.type must be ref/prompt or ref/resource'],
    ['completion/complete', { ref: { type: 'ref/prompt' } }, 'name must be a non-empty string'],
  ]
  test.each(malformed)('%s %j is not well formed', (method, params, message) => {
    expect(() => aimOf(method, params, CONTEXT)).toThrow(
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

  const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  test.each([
    [
      { traceparent: PARENT, tracestate: 'a=b' },
      { traceparent: PARENT, tracestate: 'a=b' },
    ],
    [{ traceparent: 'nonsense', tracestate: 'a=b', other: 1 }, { other: 1 }],
    [{ traceparent: `${PARENT}-${'x'.repeat(1000)}`, other: 1 }, { other: 1 }],
    [{ tracestate: 'a=b', other: 1 }, { other: 1 }],
  ])('leave out a trace context that is none: %j', (given, kept) => {
    expect(splitProgressToken({ _meta: given }).params).toEqual({ _meta: kept })
  })
})
