import { expect, test } from '@jest/globals'
import { exchanges } from '../../../src/upstream/messages/stream-context.ts'
import { StreamPacing } from '../../../src/upstream/fetch/stream-pacing.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** The pauses before a stream that lives for a while is opened again, whatever its server asks for. */
async function pauses(livesMs: readonly number[], askedMs: number): Promise<number[]> {
  const clock = new FakeClock()
  const pacing = new StreamPacing({ clock })
  const found: number[] = []
  pacing.opened()
  for (const liveMs of livesMs) {
    await clock.advance(liveMs)
    const endedAt = clock.monotonic()
    pacing.schedule(
      () => {
        found.push(clock.monotonic() - endedAt)
        pacing.opened()
      },
      askedMs,
      0,
    )
    await clock.advance(10 * 60_000 + 1)
    pacing.opened()
  }
  return found
}

test('a stream that its server ends at once is opened again more and more slowly, whatever it asks for', async () => {
  const ended = [0, 0, 0, 0, 0, 0, 0, 0]
  expect(await pauses(ended, 1)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
})

test('a stream that held for a minute is opened again after a second', async () => {
  expect(await pauses([0, 0, 60_000, 0], 1)).toEqual([1000, 2000, 1000, 2000])
})

test('a longer pause that the server asks for is kept, up to five minutes', async () => {
  expect(await pauses([0], 5000)).toEqual([5000])
  expect(await pauses([0], 10 ** 12)).toEqual([300_000])
})

test('attempts that fail come more and more slowly, and do not end', () => {
  const clock = new FakeClock()
  const { options, schedule } = new StreamPacing({ clock })
  expect(options.maxRetries).toBe(Number.POSITIVE_INFINITY)
  schedule(() => undefined, 1, 1000)
  expect(clock.pending).toBe(1)
})

test('the stream of a request is opened again twice, a second apart at least', async () => {
  const clock = new FakeClock()
  const { options, schedule } = new StreamPacing({ clock })
  const found: number[] = []
  exchanges.run({ isRequest: true, request: undefined }, () => {
    expect(options.maxRetries).toBe(2)
    schedule(() => found.push(clock.monotonic()), 1, 0)
  })
  await clock.advance(5000)
  expect(found).toEqual([1000])
})

test('the standing stream is told as reopened, but not when it is opened first', () => {
  const pacing = new StreamPacing({ clock: new FakeClock() })
  let gaps = 0
  pacing.onReopened = () => (gaps += 1)
  pacing.opened()
  expect(gaps).toBe(0)
  exchanges.run({ isRequest: true, request: undefined }, () => pacing.opened())
  pacing.opened()
  expect(gaps).toBe(1)
})
