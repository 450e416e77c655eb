import { expect, test } from '@jest/globals'
import { EraMemory } from '../../../../src/upstream/connection/opening/era-memory.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const HOUR = 3_600_000

test('a verdict holds for 24 hours from the time it was found out, however often it is confirmed', async () => {
  const clock = new FakeClock()
  const memory = new EraMemory({ clock })
  memory.remember('a', 'legacy')
  await clock.advance(23 * HOUR)
  memory.remember('a', 'legacy')
  expect(memory.recall('a')).toBe('legacy')
  await clock.advance(HOUR)
  expect(memory.recall('a')).toBeUndefined()
})

test('a verdict is replaced by another, and forgotten on request', () => {
  const memory = new EraMemory({ clock: new FakeClock() })
  memory.remember('a', 'legacy')
  memory.remember('a', 'modern')
  expect(memory.recall('a')).toBe('modern')
  memory.forget('a')
  expect(memory.recall('a')).toBeUndefined()
})

test('at most 10,000 verdicts are kept, the newest', () => {
  const memory = new EraMemory({ clock: new FakeClock() })
  for (let i = 0; i <= 10_000; i += 1) memory.remember(String(i), 'modern')
  expect(memory.recall('0')).toBeUndefined()
  expect(memory.recall('10000')).toBe('modern')
})
