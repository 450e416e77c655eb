import { expect, test } from '@jest/globals'
import { deadline, extendedMs } from '../../../src/calls/stages/deadline.ts'
import { server } from '../../support/offers.ts'
import { call, operation } from '../../support/routing.ts'

const stage = deadline({ callTimeoutMs: 60_000 })

async function timeoutOf(fields: Record<string, unknown>, kind: 'tool' | 'prompt' = 'tool'): Promise<number> {
  const it = call({ route: { server: server(fields), name: 'echo' }, operation: operation({ kind }) })
  await stage(it, () => Promise.resolve({}))
  return it.timeoutMs
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
])('the time for a call is %s', async (_which, fields, expected) => {
  expect(await timeoutOf(fields)).toBe(expected)
})

test('a prompt does not get the time of a tool of the same name', async () => {
  expect(await timeoutOf({ timeoutMs: 5000, tools: { echo: { timeoutMs: 700 } } }, 'prompt')).toBe(5000)
})

test('a call without a route has the time of the gateway', async () => {
  const it = call()
  await stage(it, () => Promise.resolve({}))
  expect(it.timeoutMs).toBe(60_000)
})

test.each([
  ['nothing, where no document says so', {}, undefined],
  ["the server's maximum, from the start of the call", { maxTotalMs: 600_000 }, 599_000],
  ["the tool's before the server's", { maxTotalMs: 600_000, tools: { echo: { maxTotalMs: 9000 } } }, 8000],
  ['something, however late it is', { maxTotalMs: 500 }, 1],
])('what progress may extend a call to is %s', (_which, fields, expected) => {
  const it = call({ route: { server: server(fields), name: 'echo' }, operation: operation({ kind: 'tool' }) })
  expect(extendedMs(it, it.startedAt + 1000)).toBe(expected)
})
