import { describe, expect, test } from '@jest/globals'
import { deadlineOf, extendedMs } from '../../src/calls/deadline.ts'
import { offer, server, tool } from '../support/offers.ts'
import { authorizing, catalogOf, operation, routedCall, unroutedCall } from '../support/routing.ts'

function timeoutOf(fields: Record<string, unknown>, kind: 'tool' | 'prompt' = 'tool'): number {
  const offered = offer({ tools: [tool('echo')], prompts: [{ name: 'echo' }] })
  const method = kind === 'tool' ? 'tools/call' : 'prompts/get'
  const call = unroutedCall({ operation: operation({ kind, method }) })
  return authorizing(catalogOf([server(fields), offered]), { callTimeoutMs: 60_000 })(call).timeoutMs
}

test.each([
  ["the gateway's, where nobody has another", {}, 60_000],
  ["the server's, where it has one", { timeoutMs: 5000 }, 5000],
  ["the tool's before the server's", { timeoutMs: 5000, tools: { echo: { timeoutMs: 700 } } }, 700],
  [
    "that of the tool's own entry before a pattern's",
    { tools: { echo: { timeoutMs: 7 }, 'e*': { timeoutMs: 9 } } },
    7,
  ],
  [
    "a pattern's, where the own entry has none",
    { tools: { 'e*': { timeoutMs: 9 }, echo: { title: 'x' } } },
    9,
  ],
  ["the server's, where the entry of the tool has none", { timeoutMs: 5000, tools: { echo: {} } }, 5000],
  [
    "the server's, where only another tool has its own",
    { timeoutMs: 5000, tools: { x: { timeoutMs: 1 } } },
    5000,
  ],
])('the time for a call is %s', (_which, fields, expected) => {
  expect(timeoutOf(fields)).toBe(expected)
})

test('a prompt does not get the time of a tool of the same name', () => {
  expect(timeoutOf({ timeoutMs: 5000, tools: { echo: { timeoutMs: 700 } } }, 'prompt')).toBe(5000)
})

test.each([
  ['nothing, where no document says so', {}, undefined],
  ["the server's maximum, from the start of the call", { maxTotalMs: 600_000 }, 599_000],
  ["the tool's before the server's", { maxTotalMs: 600_000, tools: { echo: { maxTotalMs: 9000 } } }, 8000],
  ['something, however late it is', { maxTotalMs: 500 }, 1],
])('what progress may extend a call to is %s', (_which, fields, expected) => {
  const call = routedCall({ server: server(fields), name: 'echo' }, { startedAt: 500 })
  expect(extendedMs(call, 1500)).toBe(expected)
})

describe('the time in which a client was asked', () => {
  const route = { server: server({ maxTotalMs: 9000 }), name: 'echo' }

  test('moves the deadline by as much', () => {
    expect(deadlineOf(routedCall(route, { startedAt: 500, timeoutMs: 1000 }))).toBe(1500)
    expect(deadlineOf(routedCall(route, { startedAt: 500, timeoutMs: 1000, askedMs: 70 }))).toBe(1570)
  })

  test('moves what progress may extend a call to by as much', () => {
    expect(extendedMs(routedCall(route, { startedAt: 500, askedMs: 70 }), 1500)).toBe(8070)
  })
})
