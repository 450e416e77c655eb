import { expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { measureRequest } from '../../src/calls/trace.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('a request over MCP is counted with its method, its revision and the time until its answer', async () => {
  const clock = new FakeClock()
  const counted: unknown[] = []
  const metrics = { serverOperation: (...all: unknown[]) => counted.push(all) }
  const of = (answer: () => Promise<JsonObject>): Promise<JsonObject> =>
    measureRequest(
      { method: 'tools/call', over: 'mcp', protocolVersion: '2025-06-18' },
      { metrics, clock },
      answer,
    )
  const result = { content: [] }
  expect(await of(() => clock.advance(7).then(() => result))).toBe(result)
  await of(() => Promise.resolve({ isError: true }))
  const failed = of(() => Promise.reject(new GatewayError('upstream_timeout')))
  await expect(failed).rejects.toMatchObject({ code: 'upstream_timeout' })
  const same = { method: 'tools/call', protocolVersion: '2025-06-18' }
  expect(counted).toEqual([
    [{ ...same, errorType: undefined }, 7],
    [{ ...same, errorType: 'tool_error' }, 0],
    [{ ...same, errorType: '-31001' }, 0],
  ])
})
