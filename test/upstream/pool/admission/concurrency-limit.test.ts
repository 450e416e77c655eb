import { expect, test } from '@jest/globals'
import { ConcurrencyLimit } from '../../../../src/upstream/pool/admission/concurrency-limit.ts'

test('there is room up to the limit, which may change', () => {
  const limit = new ConcurrencyLimit({ max: 1 })
  limit.enter()
  expect([limit.hasRoom, limit.inFlight]).toEqual([false, 1])
  limit.max = 2
  expect(limit.hasRoom).toBe(true)
  limit.enter()
  limit.leave()
  limit.leave()
  expect([limit.hasRoom, limit.inFlight]).toEqual([true, 0])
})

test('those who wait are called in turn, one for each place, and who asks again is the last', () => {
  const limit = new ConcurrencyLimit({ max: 1 })
  const called: string[] = []
  const waiting = (name: string): (() => void) => {
    const task = (): void => {
      called.push(name)
      limit.enter()
      limit.whenRoom(task)
    }
    return task
  }
  limit.enter()
  const [a, b] = [waiting('a'), waiting('b')]
  limit.whenRoom(a)
  limit.whenRoom(b)
  limit.whenRoom(a)
  for (let place = 0; place < 4; place += 1) limit.leave()
  expect(called).toEqual(['a', 'b', 'a', 'b'])
})
