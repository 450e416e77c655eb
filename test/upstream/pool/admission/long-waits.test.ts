import { expect, test } from '@jest/globals'
import { LongWaits } from '../../../../src/upstream/pool/admission/long-waits.ts'

/** How many of `count` attempts of each principal in turn are let in. */
function letIn(waits: LongWaits, permits: number, principals: readonly string[]): number[] {
  return principals.map((principal) => {
    let count = 0
    while (count < 1000 && waits.hasRoom(principal, permits)) {
      waits.enter(principal)
      count += 1
    }
    return count
  })
}

test.each([
  [1, [1, 0, 0]],
  [2, [1, 0, 0]],
  [4, [1, 1, 0]],
  [7, [2, 1, 0]],
  [8, [2, 2, 0]],
  [256, [64, 64, 0]],
  [Infinity, [1000, 1000, 1000]],
])(
  'with %s permits at most half are held by waits, and half of these by one principal',
  (permits, counts) => {
    expect(letIn(new LongWaits(), permits, ['ann', 'bob', 'carl'])).toEqual(counts)
  },
)

test('a wait that has ended makes room for one of anybody', () => {
  const waits = new LongWaits()
  expect(letIn(waits, 8, ['ann', 'bob'])).toEqual([2, 2])
  waits.leave('ann')
  expect(waits.hasRoom('bob', 8)).toBe(false)
  expect(letIn(waits, 8, ['carl', 'ann'])).toEqual([1, 0])
})
