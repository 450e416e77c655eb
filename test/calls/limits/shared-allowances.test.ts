import { beforeEach, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { type Allowance, Allowances } from '../../../src/calls/limits/allowances.ts'
import { SharedAllowances } from '../../../src/calls/limits/shared-allowances.ts'
import { sleep } from '../../../src/domain/clock.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { StateStore } from '../../../src/state/state-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { memoryState } from '../../support/memory-state.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'

const MINUTE: Allowance = {
  calls: 60,
  perMs: 60_000,
  key: 'minute\nacme',
  commonKey: 'minute',
  isShared: true,
}

let clock: FakeClock
let store: StateStore

beforeEach(() => {
  clock = new FakeClock()
  store = memoryState(clock)
})

/** The limits of one replica. */
function replica(): Allowances {
  const allowances = new Allowances({ clock })
  const shared = new SharedAllowances({ allowances, store, clock, random: () => 0.5, logger })
  allowances.onShared = (allowance) => shared.taken(allowance)
  return allowances
}

/** Lets writes happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

/** Takes as many calls as there are, `atMost`; each call comes a moment after the one before. */
async function takeAll(allowances: Allowances, atMost: number): Promise<number> {
  for (let taken = 0; taken < atMost; taken += 1) {
    if (allowances.take([MINUTE]) !== undefined) return taken
    await settle()
  }
  return atMost
}

test('replicas share a quota: what one has taken, another does not get, up to the calls that are not written yet', async () => {
  const [one, two] = [replica(), replica()]
  expect(await takeAll(one, 60)).toBe(60)
  expect(one.take([MINUTE])).toMatchObject({ retryAfterMs: 1000 })
  expect(await takeAll(two, 60)).toBe(3)
})

test('calls beyond the quota are owed, so that all replicas together do not get more in the long run', async () => {
  const replicas = [replica(), replica(), replica()]
  let taken = 0
  for (let second = 0; second < 600; second += 1) {
    for (const each of replicas) taken += await takeAll(each, 20)
    await clock.advance(1000)
    await settle()
  }
  // The bucket at the start, and one call a second.
  expect(taken).toBeGreaterThan(640)
  expect(taken).toBeLessThan(680)
})

interface Arrival {
  readonly at: number
  readonly replica: number
}

test('replicas go beyond a shared quota by no more than each has taken since its last write was under way', async () => {
  const REPLICAS = 4
  const WRITE_MS = 40
  const arrivals = fc.array(fc.record({ replica: fc.nat(REPLICAS - 1), gapMs: fc.nat(60) }), {
    maxLength: 400,
  })
  await fc.assert(
    fc.asyncProperty(arrivals, async (given) => {
      clock = new FakeClock()
      const inner = memoryState(clock)
      const slowly = async <T>(done: () => Promise<T>): Promise<T> => {
        await sleep(clock, WRITE_MS / 2)
        return done()
      }
      store = {
        ...inner,
        get: (...which) => slowly(() => inner.get(...which)),
        put: (...what) => slowly(() => inner.put(...what)),
      }
      const replicas = Array.from({ length: REPLICAS }, replica)
      const taken: Arrival[] = []
      for (const { replica: index, gapMs } of given) {
        if (replicas[index]?.take([MINUTE]) === undefined) taken.push({ at: clock.now(), replica: index })
        await clock.advance(gapMs)
        await settle()
      }
      // A write that meets others waits up to 90 ms, then 180, and so on.
      const isUnwritten = ({ at }: Arrival): boolean => clock.now() - at < 4 * (WRITE_MS + 360)
      const quota = MINUTE.calls + clock.monotonic() / (MINUTE.perMs / MINUTE.calls)
      const perReplica = 1 + MINUTE.calls * 0.05
      expect(taken.length).toBeLessThanOrEqual(
        quota + REPLICAS * perReplica + taken.filter(isUnwritten).length,
      )
    }),
    { numRuns: 10 },
  )
})

test('few calls are written after a second', async () => {
  const [one, two] = [replica(), replica()]
  await takeAll(one, 1)
  expect((await store.list('quotas', '', { limit: 10 })).entries).toEqual([])
  await clock.advance(1000)
  await settle()
  expect((await store.list('quotas', '', { limit: 10 })).entries).toHaveLength(1)
  await takeAll(two, 3)
  expect(two.take([{ ...MINUTE, calls: 60 }])).toBeUndefined()
})

test('each replica counts for itself while the state does not answer, and they count together again afterwards', async () => {
  const [one, two] = [replica(), replica()]
  const put = store.put.bind(store)
  store.put = () => Promise.reject(new GatewayError('state_unavailable'))
  expect(await takeAll(one, 100)).toBe(60)
  expect(await takeAll(two, 100)).toBe(60)
  store.put = put
  await clock.advance(5000)
  await settle()
  expect([await takeAll(one, 100), await takeAll(two, 100)]).toEqual([0, 0])
})

test('replicas that write at the same time lose no call', async () => {
  const [one, two] = [replica(), replica()]
  for (let call = 0; call < 3; call += 1) {
    one.take([MINUTE])
    two.take([MINUTE])
  }
  for (let turn = 0; turn < 10; turn += 1) {
    await settle()
    await clock.advance(100)
  }
  const [entry] = (await store.list('quotas', '', { limit: 10 })).entries
  expect(Number(entry?.value) - clock.now()).toBeCloseTo(6000 - 1000, -2)
})
