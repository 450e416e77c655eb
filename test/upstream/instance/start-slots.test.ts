import { beforeEach, describe, expect, test } from '@jest/globals'
import { StartSlots } from '../../../src/upstream/instance/start-slots.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
let slots: StartSlots

beforeEach(() => {
  clock = new FakeClock()
  slots = new StartSlots({ count: 8, clock })
})

/** A server that is starting until it is told that it has started. */
function starting(transport: 'stdio' | 'sse'): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const task = slots.of({ transport }).use(() => promise, new AbortController().signal)
  return async () => {
    resolve()
    await task
  }
}

/** What waits until servers have started. */
function waiting(): { isOver: () => boolean; until: AbortController; hurry: AbortController } {
  const [until, hurry] = [new AbortController(), new AbortController()]
  let isOver = false
  void slots.settled({ until: until.signal, hurry: hurry.signal }).then(() => (isOver = true))
  return { isOver: () => isOver, until, hurry }
}

describe('what has to wait until servers have started', () => {
  test('waits no longer than for the one server that starts', async () => {
    const end = starting('sse')
    const { isOver } = waiting()
    await clock.advance(0)
    expect(isOver()).toBe(false)
    await end()
    await clock.advance(0)
    expect(isOver()).toBe(true)
  })

  test('waits for programs and endpoints, and two seconds longer where there are several', async () => {
    const ends = [starting('stdio'), starting('sse')]
    const { isOver } = waiting()
    for (const end of ends) await end()
    await clock.advance(1999)
    expect(isOver()).toBe(false)
    await clock.advance(1)
    expect(isOver()).toBe(true)
  })

  test('does not wait those two seconds when somebody waits for it, but for the servers all the same', async () => {
    const ends = [starting('sse'), starting('sse')]
    const { isOver, hurry } = waiting()
    hurry.abort()
    await clock.advance(0)
    expect(isOver()).toBe(false)
    for (const end of ends) await end()
    await clock.advance(0)
    expect(isOver()).toBe(true)
  })

  test('waits for nothing once it is given up', async () => {
    starting('sse')
    starting('sse')
    const { isOver, until } = waiting()
    until.abort()
    await clock.advance(0)
    expect(isOver()).toBe(true)
    expect(clock.pending).toBe(2)
  })
})
