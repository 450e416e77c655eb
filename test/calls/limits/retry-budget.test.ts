import { expect, test } from '@jest/globals'
import { RetryBudget } from '../../../src/calls/limits/retry-budget.ts'

function spentOf(budget: RetryBudget, server = 'acme/alpha'): number {
  let spent = 0
  while (budget.spend(server)) spent += 1
  return spent
}

test('ten calls can be repeated at first, and then one for every five calls', () => {
  const budget = new RetryBudget()
  budget.earn('acme/alpha')
  expect(spentOf(budget)).toBe(10)
  for (let call = 0; call < 500; call += 1) budget.earn('acme/alpha')
  expect(spentOf(budget)).toBe(100)
})

test('a server without trouble saves up to a hundred', () => {
  const budget = new RetryBudget()
  for (let call = 0; call < 10_000; call += 1) budget.earn('acme/alpha')
  expect(spentOf(budget)).toBe(100)
})

test('servers have budgets of their own', () => {
  const budget = new RetryBudget()
  budget.earn('acme/alpha')
  budget.earn('acme/beta')
  expect(spentOf(budget, 'acme/alpha')).toBe(10)
  expect(spentOf(budget, 'acme/beta')).toBe(10)
})

test('it does not grow with servers that come and go', () => {
  const budget = new RetryBudget()
  for (let index = 0; index <= 10_000; index += 1) budget.earn(`acme/server-${index}`)
  expect(budget.spend('acme/server-0')).toBe(false)
  expect(budget.spend('acme/server-10000')).toBe(true)
})
