import { describe, expect, test } from '@jest/globals'
import type { CallerClient } from '../../../src/calls/call.ts'
import { checkHasTasks } from '../../../src/mcp/methods/task-capability.ts'

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
