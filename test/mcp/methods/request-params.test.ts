import { describe, expect, test } from '@jest/globals'
import type { CallerClient } from '../../../src/calls/call.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { checkHasTasks, splitProgressToken } from '../../../src/mcp/methods/request-params.ts'

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

describe('a request about a task', () => {
  const TASKS = 'io.modelcontextprotocol/tasks'
  const target = { action: 'call', kind: 'tool', name: 'a_b', task: 'unknown' } as const
  const client = (fields: Partial<CallerClient>): CallerClient => ({
    era: 'modern',
    capabilities: {},
    logLevel: undefined,
    tell: () => undefined,
    ...fields,
  })

  test('needs a modern client that declared the extension, and says so with the code of the extension', () => {
    const message = `The client did not declare the extension ${TASKS}`
    for (const capabilities of [{}, { extensions: {} }, { extensions: { [TASKS]: true } }])
      expect(() => checkHasTasks(target, client({ capabilities }))).toThrow(
        expect.objectContaining({
          code: 'client_capability_required',
          message,
          facts: {
            mayHaveExecuted: false,
            upstream: {
              code: -32_021,
              message,
              data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
            },
          },
        }),
      )
  })

  test.each([
    [
      'of a modern client that declared it',
      target,
      client({ capabilities: { extensions: { [TASKS]: {} } } }),
    ],
    ['of a legacy client, which declares nothing of the kind', target, client({ era: 'legacy' })],
    ['about anything else', { action: 'call', kind: 'tool', name: 'a_b' } as const, client({})],
  ])('%s passes', (_which, about, by) => {
    expect(() => checkHasTasks(about, by)).not.toThrow()
  })
})
