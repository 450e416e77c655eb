import { describe, expect, test } from '@jest/globals'
import { isWithin, sleep, systemClock } from '../../src/domain/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { LateClock } from '../support/late-clock.ts'

test('the system clock tells the time and runs what is due, unless it is cancelled', async () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000)
  const before = systemClock.monotonic()
  const ran: string[] = []
  systemClock.after(1, () => ran.push('cancelled'))()
  await new Promise<void>((resolve) => {
    const keepAlive = setTimeout(() => {}, 10_000)
    systemClock.after(2, () => {
      clearTimeout(keepAlive)
      ran.push('due')
      resolve()
    })
  })
  expect(ran).toEqual(['due'])
  expect(systemClock.monotonic()).toBeGreaterThan(before)
})

test('the system clock runs a task at its instant, and never earlier', async () => {
  for (const waitMs of [-1, 0, 0.2, 1.7, 5.3]) {
    const instant = systemClock.monotonic() + waitMs
    const { promise, resolve } = Promise.withResolvers<void>()
    const keepAlive = setTimeout(() => {}, 10_000)
    let hasRun = false
    systemClock.at(instant, () => {
      hasRun = true
      resolve()
    })
    expect(hasRun).toBe(false)
    await promise
    clearTimeout(keepAlive)
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(instant)
  }
})

describe('sleep', () => {
  test('ends after its time', async () => {
    const clock = new FakeClock()
    const ends: number[] = []
    const sleeping = sleep(clock, 100).finally(() => ends.push(clock.monotonic()))
    await clock.advance(99)
    expect(ends).toEqual([])
    await clock.advance(1)
    await sleeping
    expect(ends).toEqual([100])
  })

  test('ends when its signal aborts, and leaves no timer', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const sleeping = sleep(clock, 100, controller.signal)
    controller.abort()
    await expect(sleeping).resolves.toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  test('does not begin when its signal has aborted', async () => {
    const clock = new FakeClock()
    await expect(sleep(clock, 100, AbortSignal.abort())).resolves.toBeUndefined()
    expect(clock.pending).toBe(0)
  })
})

describe('a limit of a wait', () => {
  test('is extended by the time that the event loop was busy, so that work done in time counts', async () => {
    const clock = new LateClock()
    const { promise, resolve } = Promise.withResolvers<void>()
    const isInTime = isWithin(clock, promise, 1000)
    clock.begun[0]?.end(300)
    expect(clock.begun.map(({ delayMs }) => delayMs)).toEqual([1000, 300])
    resolve()
    expect(await isInTime).toBe(true)
  })

  test('is extended once, and at most by its length', async () => {
    const clock = new LateClock()
    const isInTime = isWithin(clock, new Promise<void>(() => undefined), 1000)
    clock.begun[0]?.end(60_000)
    clock.begun[1]?.end(60_000)
    expect(await isInTime).toBe(false)
    expect(clock.begun.map(({ delayMs }) => delayMs)).toEqual([1000, 1000])
  })

  test('passes at once where the event loop was free', async () => {
    const clock = new LateClock()
    const isInTime = isWithin(clock, new Promise<void>(() => undefined), 1000)
    clock.begun[0]?.end(2)
    expect(await isInTime).toBe(false)
    expect(clock.begun).toHaveLength(1)
  })
})
