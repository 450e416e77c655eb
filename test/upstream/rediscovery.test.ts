import { expect, test } from '@jest/globals'
import { Rediscovery } from '../../src/upstream/rediscovery.ts'
import { FakeClock } from '../support/fake-clock.ts'

function rediscovery(run: () => Promise<void> = () => Promise.resolve()): {
  clock: FakeClock
  runs: number[]
  subject: Rediscovery
} {
  const clock = new FakeClock()
  const runs: number[] = []
  const subject = new Rediscovery({
    clock,
    ttlMs: () => 1000,
    run: () => {
      runs.push(clock.monotonic())
      return run()
    },
  })
  return { clock, runs, subject }
}

test('runs each time the TTL is over', async () => {
  const { clock, runs, subject } = rediscovery()
  subject.start()
  await clock.advance(3500)
  expect(runs).toEqual([1000, 2000, 3000])
})

test('runs at once when something changed, and many changes make one run, 200 ms after the last', async () => {
  const { clock, runs, subject } = rediscovery()
  subject.start()
  for (let i = 0; i < 100; i += 1) subject.request()
  await clock.advance(0)
  expect(runs).toEqual([0])
  for (let i = 0; i < 100; i += 1) {
    subject.request()
    await clock.advance(5)
  }
  expect(runs).toEqual([0, 200, 400])
})

test('runs again after a run during which something changed', async () => {
  const gate = Promise.withResolvers<void>()
  const { clock, runs, subject } = rediscovery(() => gate.promise)
  subject.start()
  subject.request()
  await clock.advance(0)
  subject.request()
  await clock.advance(500)
  expect(runs).toEqual([0])
  gate.resolve()
  await clock.advance(200)
  expect(runs).toEqual([0, 700])
})

test('remembers a change reported before it was started', async () => {
  const { clock, runs, subject } = rediscovery()
  subject.request()
  await clock.advance(5000)
  expect(runs).toEqual([])
  subject.start()
  await clock.advance(0)
  expect(runs).toEqual([5000])
})

test('does not run while it is stopped, and never again once closed', async () => {
  const { clock, runs, subject } = rediscovery()
  subject.start()
  subject.stop()
  subject.request()
  await clock.advance(5000)
  expect(runs).toEqual([])
  subject.close()
  subject.start()
  subject.request()
  await clock.advance(5000)
  expect(runs).toEqual([])
})
