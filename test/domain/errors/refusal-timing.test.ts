import { beforeEach, expect, test } from '@jest/globals'
import { ERRORS } from '../../../src/domain/errors/error-table.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { RefusalTiming } from '../../../src/domain/errors/refusal-timing.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const NEVER = new AbortController().signal

let clock: FakeClock
let timing: RefusalTiming
/** What went out, and when. */
let out: [what: string, atMs: number][]

beforeEach(() => {
  clock = new FakeClock()
  timing = new RefusalTiming({ clock })
  out = []
})

/** A refusal of a request that came at `arrivedAt`, and that was decided `workMs` later. */
async function refuse(what: string, arrivedAt: number, workMs = 0, signal = NEVER): Promise<void> {
  await clock.advance(Math.max(0, arrivedAt + workMs - clock.monotonic()))
  const wait = timing.wait(new GatewayError('tool_not_found'), { arrivedAt, signal })
  void Promise.resolve(wait).then(() => out.push([what, clock.monotonic()]))
}

test.each([0.001, 0.3, 0.318, 4.999])(
  'a refusal that took %d ms of work goes out at the instant of one that took none',
  async (workMs) => {
    for (const [round, work] of [0, workMs].entries()) {
      await refuse('refused', 100 * round + 12.345, work)
      await clock.advance(50)
    }
    expect(out).toEqual([
      ['refused', 20],
      ['refused', 120],
    ])
  },
)

test('a refusal goes out 5 to 15 ms after its request arrived, and later only at such an instant, too', async () => {
  await refuse('just in time', 15)
  await refuse('too late for 20', 15.001)
  await refuse('took long', 16, 14.5)
  await clock.advance(100)
  expect(out).toEqual([
    ['just in time', 20],
    ['too late for 20', 30],
    ['took long', 40],
  ])
})

test('refusals of one instant go out in the order in which their requests arrived, whichever took longer', async () => {
  await refuse('second', 2, 1)
  await refuse('first', 1, 3)
  await refuse('third', 2.5, 2)
  await clock.advance(10)
  expect(out.map(([what]) => what)).toEqual(['first', 'second', 'third'])
})

test('a refusal whose instant comes while it begins to wait goes out, too', async () => {
  const late = { now: () => 0, monotonic: () => 9.999, after: () => () => undefined }
  timing = new RefusalTiming({ clock: { ...late, at: (_instant, task) => task() } })
  await refuse('refused', 1)
  await clock.advance(0)
  expect(out).toEqual([['refused', 1]])
})

test('a refusal never waits longer than 15 ms, also where its request is said to arrive later', async () => {
  void Promise.resolve(
    timing.wait(new GatewayError('tool_not_found'), { arrivedAt: 3_600_000, signal: NEVER }),
  ).then(() => out.push(['refused', clock.monotonic()]))
  await clock.advance(15)
  expect(out).toEqual([['refused', 10]])
})

test('a wait whose caller has gone ends at once', async () => {
  const abort = new AbortController()
  await refuse('gone', 1, 0, abort.signal)
  await refuse('gone before', 1, 0, AbortSignal.abort())
  await refuse('there', 1)
  abort.abort()
  await clock.advance(0)
  expect(out).toEqual([
    ['gone before', 1],
    ['gone', 1],
  ])
  await clock.advance(20)
  expect(out.at(-1)).toEqual(['there', 10])
})

test('at the end everything goes out at once, and nothing waits any more', async () => {
  await refuse('waiting', 1)
  timing.close()
  await refuse('late', 1)
  await clock.advance(0)
  expect(out).toEqual([
    ['waiting', 1],
    ['late', 1],
  ])
})

test('an error waits once, however many parts of the gateway pass it on', () => {
  const error = new GatewayError('server_not_found')
  expect(timing.wait(error, { arrivedAt: 0, signal: NEVER })).toBeInstanceOf(Promise)
  expect(timing.wait(error, { arrivedAt: 0, signal: NEVER })).toBeUndefined()
})

test('every error waits that is documented to be the same in all cases, and no other', () => {
  const codes = Object.entries(ERRORS) as [keyof typeof ERRORS, { help: string }][]
  const alike = codes.filter(([, { help }]) => /deliberately the same|belongs to another caller/.test(help))
  const waiting = codes.filter(
    ([code]) => timing.wait(new GatewayError(code), { arrivedAt: 0, signal: NEVER }) !== undefined,
  )
  expect(waiting.map(([code]) => code)).toEqual(alike.map(([code]) => code))
  expect(waiting).toHaveLength(9)
})

test('a flood of refusals needs one timer for each instant', async () => {
  for (let n = 0; n < 1000; n += 1) await refuse('refused', 1 + n / 1000)
  expect(clock.pending).toBe(1)
  await clock.advance(10)
  expect(out).toHaveLength(1000)
  expect(clock.pending).toBe(0)
})
