import { describe, expect, test } from '@jest/globals'
import { PausableDeadline } from '../../../src/upstream/messages/pausable-deadline.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function started(): { clock: FakeClock; deadline: PausableDeadline; expired: () => number } {
  const clock = new FakeClock()
  let expired = 0
  const deadline = new PausableDeadline({ clock, timeoutMs: 1000, onExpired: () => (expired += 1) })
  return { clock, deadline, expired: () => expired }
}

describe('a deadline that can stand still', () => {
  test('expires once, in time', async () => {
    const { clock, expired } = started()
    await clock.advance(999)
    expect(expired()).toBe(0)
    await clock.advance(10_000)
    expect(expired()).toBe(1)
  })

  test('leaves after a pause what was left before it', async () => {
    const { clock, deadline, expired } = started()
    await clock.advance(600)
    deadline.pause()
    await clock.advance(50_000)
    deadline.resume()
    await clock.advance(399)
    expect(expired()).toBe(0)
    await clock.advance(1)
    expect(expired()).toBe(1)
  })

  test('stands still until the last of several pauses is over', async () => {
    const { clock, deadline, expired } = started()
    deadline.pause()
    deadline.pause()
    deadline.resume()
    await clock.advance(5000)
    expect(expired()).toBe(0)
    deadline.resume()
    await clock.advance(1000)
    expect(expired()).toBe(1)
  })

  test('has a timer only while it runs', () => {
    const { clock, deadline } = started()
    expect(clock.pending).toBe(1)
    deadline.pause()
    expect(clock.pending).toBe(0)
    deadline.resume()
    deadline.end()
    expect(clock.pending).toBe(0)
  })
})

describe('a deadline that begins again', () => {
  function extensible(): { clock: FakeClock; deadline: PausableDeadline; expired: number[] } {
    const clock = new FakeClock()
    const expired: number[] = []
    const onExpired = (): void => void expired.push(clock.monotonic())
    const deadline = new PausableDeadline({ clock, timeoutMs: 1000, maxTotalMs: 2500, onExpired })
    return { clock, deadline, expired }
  }

  test('expires that long after the last time, once', async () => {
    const { clock, deadline, expired } = extensible()
    await clock.advance(900)
    deadline.restart()
    await clock.advance(10_000)
    expect(expired).toEqual([1900])
  })

  test('expires at its maximum, however often it begins again', async () => {
    const { clock, deadline, expired } = extensible()
    for (let i = 0; i < 100; i += 1) {
      await clock.advance(100)
      deadline.restart()
    }
    expect(expired[0]).toBe(2500)
  })

  test('stands still for a pause, and so does its maximum', async () => {
    const { clock, deadline, expired } = extensible()
    await clock.advance(900)
    deadline.pause()
    deadline.restart()
    await clock.advance(50_000)
    deadline.resume()
    await clock.advance(900)
    deadline.restart()
    await clock.advance(10_000)
    expect(expired).toEqual([52_500])
  })

  test('has one timer, however often it begins again', () => {
    const { clock, deadline } = extensible()
    for (let i = 0; i < 1000; i += 1) deadline.restart()
    expect(clock.pending).toBe(1)
  })

  test('without a maximum does not begin again', async () => {
    const { clock, deadline, expired } = started()
    await clock.advance(900)
    deadline.restart()
    await clock.advance(100)
    expect(expired()).toBe(1)
  })
})
