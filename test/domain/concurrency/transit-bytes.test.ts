import { beforeEach, describe, expect, test } from '@jest/globals'
import { TransitBytes, type Waiting } from '../../../src/domain/concurrency/transit-bytes.ts'
import { PendingPlace } from '../../../src/domain/concurrency/waits.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MB = 1_000_000

let clock: FakeClock
let transit: TransitBytes
let unread: number
/** Who went on, in order. */
let went: string[]

beforeEach(() => {
  clock = new FakeClock()
  transit = new TransitBytes({ limit: 100 * MB, clock })
  unread = 0
  transit.measureBy(() => unread)
  went = []
})

/** One with so many results that wait. */
function waits(name: string, results: number): PendingPlace<Waiting> {
  let left = results
  const place = new PendingPlace<Waiting>({
    goOn: (isOldestOnly) => {
      left -= 1
      went.push(isOldestOnly ? `the oldest of ${name}` : name)
      return left > 0
    },
  })
  transit.wait(place)
  return place
}

test('bytes that are received, that have left, and that are unread are high together', async () => {
  transit.receive(60 * MB)
  expect(transit.isHigh).toBe(false)
  transit.pass(40 * MB)
  transit.receive(60 * MB)
  expect(transit.isHigh).toBe(true)
  transit.receive(-20 * MB)
  expect(transit.isHigh).toBe(false)
  unread = 70 * MB
  await clock.advance(50)
  expect(transit.isHigh).toBe(true)
})

test('results that have left count until they can have been measured, and not for longer', async () => {
  transit.receive(60 * MB)
  transit.pass(60 * MB)
  await clock.advance(25)
  transit.receive(90 * MB)
  expect(transit.isHigh).toBe(true)
  await clock.advance(25)
  expect(transit.isHigh).toBe(false)
})

test('nothing is measured while there is no need to', async () => {
  transit.receive(50 * MB)
  transit.pass(20 * MB)
  expect(clock.pending).toBe(0)
  transit.pass(10 * MB)
  expect(clock.pending).toBe(1)
  await clock.advance(75)
  expect(clock.pending).toBe(0)
})

describe('those that wait', () => {
  test('are resumed round-robin, as many as there is room for', async () => {
    transit.receive(97.5 * MB)
    waits('one', 3)
    waits('two', 5)
    await clock.advance(25)
    expect(went).toEqual(['one', 'two', 'one'])
    await clock.advance(25)
    expect(went).toEqual(['one', 'two', 'one', 'two', 'one', 'two'])
    await clock.advance(25)
    expect(went.slice(6)).toEqual(['two', 'two'])
    expect(clock.pending).toBe(0)
  })

  test('are resumed with only the oldest of each while there is no room', async () => {
    transit.receive(101 * MB)
    waits('one', 3)
    waits('two', 3)
    await clock.advance(25)
    expect(went).toEqual(['the oldest of one', 'the oldest of two'])
  })

  test('are not told any more once they do not wait', async () => {
    transit.stopWaiting(waits('one', 3))
    await clock.advance(100)
    expect([went, clock.pending]).toEqual([[], 0])
  })
})

describe('while clients leave more than the limit unread', () => {
  beforeEach(async () => {
    unread = 110 * MB
    transit.receive(30 * MB)
    transit.pass(30 * MB)
    await clock.advance(50)
  })

  test('as much is completed in a second as is left until one and a half times the limit', async () => {
    expect(transit.isFull).toBe(false)
    transit.receive(30 * MB)
    transit.pass(10 * MB)
    expect(transit.isFull).toBe(true)
    waits('one', 1000)
    await clock.advance(225)
    expect([went, transit.isFull]).toEqual([[], true])
    await clock.advance(25)
    expect([went, transit.isFull]).toEqual([['the oldest of one'], false])
  })

  test('something is completed in any case, however much is unread', async () => {
    unread = 1000 * MB
    transit.receive(10 * MB)
    transit.pass(10 * MB)
    waits('one', 1000)
    await clock.advance(700)
    expect(went).toEqual([])
    await clock.advance(25)
    expect(went).toEqual(['the oldest of one'])
  })

  test('nothing is blocked once they have read it', async () => {
    transit.receive(10 * MB)
    transit.pass(10 * MB)
    waits('one', 1)
    unread = 0
    await clock.advance(50)
    expect([transit.isHigh, transit.isFull, went]).toEqual([false, false, ['one']])
  })
})
