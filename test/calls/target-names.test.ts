import { describe, expect, test } from '@jest/globals'
import { paramsFor, resultFor, targetOf, type TargetContext } from '../../src/calls/target-names.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { server } from '../support/offers.ts'
import { methodOf, operation, type OperationFields, routedCall } from '../support/routing.ts'

const TASK = { server: 'acme/alpha', tool: 'slow.one', taskId: 't1' }
const CONTEXT: TargetContext = {
  scope: undefined,
  taskOf: (handle) => (handle === 'sealed' ? TASK : undefined),
  toolName: ({ tool }) => `known as ${tool}`,
}

describe('the target of a request', () => {
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
  ])('%s %j', (method, params, target) => {
    expect(targetOf(methodOf(method), params, CONTEXT)).toEqual(target)
  })

  test.each(['tasks/get', 'tasks/result', 'tasks/update', 'tasks/cancel'])(
    '%s is a call of the tool whose call the task is, under the name that the caller knows',
    (method) => {
      const target = { action: 'call', kind: 'tool', task: TASK }
      const params = { taskId: 'sealed' }
      expect(targetOf(methodOf(method), params, CONTEXT)).toEqual({ ...target, name: 'known as slow.one' })
      expect(targetOf(methodOf(method), { taskId: 't1' }, CONTEXT)).toMatchObject({ task: 'unknown' })
    },
  )

  test('skills/list goes to the one server that is addressed alone', () => {
    expect(targetOf(methodOf('skills/list'), {}, { ...CONTEXT, scope: 'alpha' })).toEqual({
      action: 'list',
      kind: 'server',
      name: 'alpha',
    })
    expect(targetOf(methodOf('skills/list'), {}, CONTEXT)).toBeUndefined()
  })

  test.each(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])(
    '%s is about no server unless one is addressed alone',
    (method) => {
      expect(targetOf(methodOf(method), { name: 'x' }, CONTEXT)).toBeUndefined()
    },
  )

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
    expect(() => targetOf(methodOf(method), params, CONTEXT)).toThrow(
      expect.objectContaining({ code: 'invalid_arguments', message }),
    )
  })
})

describe('the parameters for a server', () => {
  const sent = (fields: OperationFields, name: string): JsonObject =>
    paramsFor(routedCall({ server: server(), name }, { operation: operation(fields) }))

  test.each([
    ['tasks/get', { taskId: 't' }],
    ['skills/list', { cursor: 'c' }],
    ['resources/templates/list', { name: 'x' }],
  ])('of %s name no target that the server knows by another name', (method, params) => {
    expect(sent({ method, params }, 'own')).toBe(params)
  })

  test.each(['skills/get', 'resources/directory/read', 'resources/read'])(
    'of %s have the own URI',
    (method) => {
      expect(sent({ method, params: { uri: 'alpha+x://1', x: 1 } }, 'x://1')).toEqual({ uri: 'x://1', x: 1 })
    },
  )

  test('of a completion with an unusual reference have it under its name, and an invalid one is not changed', () => {
    const completion = { method: 'completion/complete' }
    expect(sent({ ...completion, params: { ref: { uri: 'u', name: 'n' } } }, 'own')).toEqual({
      ref: { uri: 'u', name: 'own' },
    })
    expect(sent({ ...completion, params: { ref: 'odd' } }, 'own')).toEqual({ ref: 'odd' })
  })
})

describe('the result for a caller', () => {
  const route = { server: server(), name: 'x://1' }
  const shown = (method: string, result: JsonObject): JsonObject =>
    resultFor(result, operation({ method, kind: 'resource', name: 'alpha+x://1' }), route)

  test('has contents under the URI by which it read them', () => {
    expect(shown('resources/read', { contents: [{ uri: 'x://1', text: 'a' }] })).toEqual({
      contents: [{ uri: 'alpha+x://1', text: 'a' }],
    })
  })

  test('has a skill and its resources under aliases', () => {
    const skill = { uri: 'x://1', resources: [{ uri: 'x://2' }] }
    expect(shown('skills/get', { skill, y: 1 })).toEqual({
      skill: { uri: 'alpha+x://1', resources: [{ uri: 'alpha+x://2' }] },
      y: 1,
    })
    expect(shown('resources/directory/read', { resources: [{ uri: 'x://2' }] })).toEqual({
      resources: [{ uri: 'alpha+x://2' }],
    })
  })

  test.each(['tools/call', 'prompts/get', 'completion/complete', 'tasks/result'])(
    'of %s is the very one of the server',
    (method) => {
      const result = { contents: [{ uri: 'x://1' }], skill: { uri: 'x://1' } }
      expect(shown(method, result)).toBe(result)
    },
  )
})
