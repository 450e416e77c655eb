import { expect, test } from '@jest/globals'
import { processServer, server, world } from '../world.ts'

test.each([
  ['a process', processServer(), 60_000],
  ['a process that says how long', processServer({ lifecycle: { startTimeoutMs: 90_000 } }), 90_000],
  ['a process that says less', processServer({ lifecycle: { startTimeoutMs: 5000 } }), 5000],
  ['an endpoint', server(), 10_000],
  ['an endpoint that says how long', server({ lifecycle: { startTimeoutMs: 90_000 } }), 90_000],
])('%s has its own time to open', (_what, definition, timeoutMs) => {
  const { servers, upstreams } = world()
  upstreams.start(definition)
  expect(servers.last.timeoutMs).toBe(timeoutMs)
})

test('a process has a minute at least, and more where servers may take longer to connect', () => {
  const { servers, upstreams } = world({ connectTimeoutMs: 100_000 })
  upstreams.start(processServer())
  expect(servers.last.timeoutMs).toBe(100_000)
})
