import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { OneATurn } from '../../../src/upstream/messages/one-a-turn.ts'

test('tasks run in order, one in each turn, and what is added in between comes behind them', async () => {
  const turns = new OneATurn()
  const done: number[] = []
  for (const task of [1, 2]) turns.run(() => done.push(task))
  expect(done).toEqual([])
  await setImmediate()
  expect(done).toEqual([1])
  turns.run(() => done.push(3))
  await setImmediate()
  expect(done).toEqual([1, 2])
  await setImmediate()
  expect(done).toEqual([1, 2, 3])
})

test('a task that comes after a rest does not wait for another one', async () => {
  const turns = new OneATurn()
  const done: number[] = []
  turns.run(() => done.push(1))
  await setImmediate()
  await setImmediate()
  turns.run(() => done.push(2))
  await setImmediate()
  expect(done).toEqual([1, 2])
})
