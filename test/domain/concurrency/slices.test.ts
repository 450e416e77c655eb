import { expect, test } from '@jest/globals'
import { atOnce, inSlices, type Slices } from '../../../src/domain/concurrency/slices.ts'

function* work(name: string, slices: number, done: string[] = []): Slices<string> {
  for (let at = 0; at < slices; at += 1) {
    done.push(name)
    yield
  }
  return name
}

test('work of one slice is done at once', () => {
  expect(inSlices(work('a', 0))).toBe('a')
  expect(atOnce(work('b', 3))).toBe('b')
})

test('several works take turns, and the event loop gets back to others after each slice', async () => {
  const done: string[] = []
  const other = (left: number): void => {
    done.push('-')
    if (left > 1) setImmediate(other, left - 1)
  }
  setImmediate(other, 4)
  expect(await Promise.all([inSlices(work('a', 3, done)), inSlices(work('b', 2, done))])).toEqual(['a', 'b'])
  expect(done.join('')).toBe('ab-a-b-a-')
})

test('work that fails is rejected, and other work continues', async () => {
  const failing = function* (): Slices<string> {
    yield
    throw new Error('it failed')
  }
  const outcomes = await Promise.allSettled([inSlices(failing()), inSlices(work('a', 2))])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})
