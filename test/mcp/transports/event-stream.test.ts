import { beforeEach, describe, expect, test } from '@jest/globals'
import { keepAlive, KeepAlives, type KeptOpen } from '../../../src/mcp/transports/event-stream.ts'
import { RelayedResponse } from '../../../src/mcp/relay/stream-response.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const SECOND = 1000
let clock: FakeClock
let keepAlives: KeepAlives
/** When each comment was written, in seconds since the start. */
let written: number[]

beforeEach(() => {
  clock = new FakeClock()
  keepAlives = new KeepAlives(clock)
  written = []
})

function stream(): KeptOpen {
  const writer = {
    head: () => undefined,
    text: (text: string) => {
      expect(text).toBe(': keepalive\n\n')
      written.push(clock.monotonic() / SECOND)
    },
    end: () => undefined,
    fail: () => undefined,
  }
  const response = new RelayedResponse(writer, new AbortController().signal)
  return { keepAlive: () => keepAlive(response) }
}

describe('streams that are idle', () => {
  test('get a comment every 15 seconds', async () => {
    keepAlives.add(stream())
    await clock.advance(46 * SECOND)
    expect(written).toEqual([15, 30, 45])
  })

  test('never wait longer than 15 seconds, whenever they were opened', async () => {
    keepAlives.add(stream())
    await clock.advance(2500)
    keepAlives.add(stream())
    await clock.advance(30 * SECOND)
    expect(written).toEqual([15, 17, 30, 32])
  })

  test('share one timer, which ends with the last of them', () => {
    const stops = Array.from({ length: 100 }, () => keepAlives.add(stream()))
    expect(clock.pending).toBe(1)
    for (const stop of stops) stop()
    expect(clock.pending).toBe(0)
  })

  test('are not written to in one go when they were opened one after the other', async () => {
    for (let second = 0; second < 15; second += 1) {
      keepAlives.add(stream())
      await clock.advance(SECOND)
    }
    await clock.advance(14 * SECOND)
    expect(written).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
  })

  test('get nothing once they have ended', async () => {
    const stop = keepAlives.add(stream())
    keepAlives.add(stream())
    stop()
    stop()
    await clock.advance(15 * SECOND)
    expect(written).toEqual([15])
  })
})
