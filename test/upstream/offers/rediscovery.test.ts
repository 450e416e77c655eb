import { describe, expect, test } from '@jest/globals'
import { Rediscovery } from '../../../src/upstream/offers/rediscovery.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function rediscovery(run: () => Promise<unknown> = () => Promise.resolve()): {
  clock: FakeClock
  runs: number[]
  subject: Rediscovery
} {
  const clock = new FakeClock()
  const runs: number[] = []
  const subject = new Rediscovery({
    clock,
    ttlMs: () => 10_000,
    run: async () => {
      runs.push(clock.monotonic())
      return (await run()) !== false
    },
  })
  return { clock, runs, subject }
}

test('runs each time the TTL is over', async () => {
  const { clock, runs, subject } = rediscovery()
  subject.start()
  await clock.advance(35_000)
  expect(runs).toEqual([10_000, 20_000, 30_000])
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
  expect(runs).toEqual([0, 200])
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

describe('a server that announces a change with each list', () => {
  async function runsOf(isChanged: boolean, forMs: number): Promise<number[]> {
    const made = rediscovery(() => {
      made.subject.request()
      return Promise.resolve(isChanged)
    })
    made.subject.start()
    made.subject.request()
    await made.clock.advance(forMs)
    return made.runs
  }

  test('is asked less and less often, and then no more often than without, where nothing has changed', async () => {
    expect(await runsOf(false, 60_000)).toEqual([
      0, 400, 1200, 2800, 6000, 12_400, 22_400, 32_400, 42_400, 52_400,
    ])
  })

  test('is asked every 30 seconds in the end where something has changed', async () => {
    const runs = await runsOf(true, 200_000)
    expect(runs.slice(0, 4)).toEqual([0, 200, 600, 1400])
    expect(runs.slice(-3)).toEqual([111_000, 141_000, 171_000])
  })
})

test('a change after a while without any is looked at once, however many there were before', async () => {
  const { clock, runs, subject } = rediscovery()
  subject.start()
  for (let i = 0; i < 100; i += 1) {
    subject.request()
    await clock.advance(10)
  }
  await clock.advance(5000)
  runs.length = 0
  subject.request()
  await clock.advance(0)
  expect(runs).toEqual([6000])
})
