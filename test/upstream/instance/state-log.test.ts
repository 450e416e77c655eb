import { Writable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { processServer, server, type World, world } from '../world.ts'

/** A world, and the lines of its log of level info and above. */
function logged(): World & { lines: string[] } {
  const lines: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      const { level, msg, reason } = JSON.parse(chunk.toString()) as Record<string, string>
      lines.push([level, msg, ...(reason === undefined ? [] : [reason])].join(': '))
      done()
    },
  })
  return { ...world({ logger: createLogger({ level: 'info', format: 'json', destination }) }), lines }
}

test('one line for the first failure, each new reason and the recovery of a server, and none for a retry', async () => {
  const { servers, upstreams, clock, lines } = logged()
  upstreams.start(server())
  const reasons = [
    'away since 11:02:01, pid 4711',
    'away since 11:02:31, pid 4712',
    'away since 11:03:02, pid 9',
  ]
  for (const reason of [...reasons, 'HTTP 503', 'away since 11:04:00, pid 10', 'HTTP 503']) {
    servers.last.fail(reason)
    await clock.advance(30_000)
  }
  servers.last.succeed()
  await clock.advance(0)
  servers.last.events.onLost('it ended')
  await clock.advance(0)
  expect(lines).toEqual([
    'info: instance is starting',
    'warn: instance is backing_off: away since 11:02:01, pid 4711',
    'warn: instance is backing_off: HTTP 503',
    'info: instance is ready again',
    'warn: instance is backing_off: it ended',
  ])
})

test('a server that gives another reason each time says so ten times', async () => {
  const { servers, upstreams, clock, lines } = logged()
  upstreams.start(server())
  for (let index = 0; index < 50; index += 1) {
    servers.last.fail(`because of ${'x'.repeat(index)}`)
    await clock.advance(30_000)
  }
  expect(lines).toHaveLength(11)
})

test('a server that is given up says so, also for a reason that was told before', async () => {
  const { servers, upstreams, clock, lines } = logged()
  upstreams.start(processServer({ lifecycle: { maxRestarts: 1 } }))
  for (let failure = 0; failure < 2; failure += 1) {
    servers.last.fail('no')
    await clock.advance(30_000)
  }
  expect(lines).toEqual([
    'info: instance is starting',
    'warn: instance is backing_off: no',
    'warn: instance is failed: no',
  ])
})
