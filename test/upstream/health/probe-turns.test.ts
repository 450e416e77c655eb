import { expect, test } from '@jest/globals'
import { ProbeTurns } from '../../../src/upstream/health/probe-turns.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('a hundred health checks go at once, and then fifty a second, however many are due', () => {
  const turns = new ProbeTurns({ clock: new FakeClock() })
  const waits = Array.from({ length: 300 }, () => turns.take())
  expect(waits.filter((ms) => ms === 0)).toHaveLength(100)
  expect([waits[100], waits[199], waits[299]]).toEqual([20, 2000, 4000])
})

test('what was not used up in the last two seconds is there again, and no more', async () => {
  const clock = new FakeClock()
  const turns = new ProbeTurns({ clock })
  for (let i = 0; i < 100; i += 1) turns.take()
  await clock.advance(1000)
  expect(Array.from({ length: 51 }, () => turns.take()).filter((ms) => ms === 0)).toHaveLength(50)
  await clock.advance(60_000)
  expect(Array.from({ length: 101 }, () => turns.take()).filter((ms) => ms === 0)).toHaveLength(100)
})
