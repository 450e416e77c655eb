import { expect, test } from '@jest/globals'
import { RestartBudget } from '../../../src/upstream/health/restart-budget.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('as many restarts in a row as allowed, and then none', () => {
  const budget = new RestartBudget({ clock: new FakeClock() })
  expect([budget.spend(2), budget.spend(2), budget.spend(2)]).toEqual([true, true, false])
})

test('a server that is ready only for a moment uses up its restarts', async () => {
  const clock = new FakeClock()
  const budget = new RestartBudget({ clock })
  budget.spend(1)
  budget.ready()
  await clock.advance(59_999)
  expect(budget.spend(1)).toBe(false)
})

test('a server that held for a minute has all its restarts again', async () => {
  const clock = new FakeClock()
  const budget = new RestartBudget({ clock })
  budget.spend(1)
  budget.ready()
  await clock.advance(60_000)
  expect(budget.spend(1)).toBe(true)
  expect(budget.failures).toBe(1)
})

test('none are left when none are allowed', () => {
  expect(new RestartBudget({ clock: new FakeClock() }).spend(0)).toBe(false)
})
