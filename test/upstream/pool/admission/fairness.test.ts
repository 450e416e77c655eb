import { expect, test } from '@jest/globals'
import type { GatewayError } from '../../../../src/domain/errors/errors.ts'
import type { RunOptions } from '../../../../src/upstream/pool/admission/call-queue.ts'
import { ConcurrencyLimit } from '../../../../src/upstream/pool/admission/concurrency-limit.ts'
import { failureOf, type Fleet, readyFleet } from '../../fleet-world.ts'

const SMALL = { maxConcurrentPerInstance: 1, queueLimit: 2, queueTimeoutMs: 1000 }

interface Held {
  readonly outcome: Promise<unknown>
  readonly state: { readonly isRunning: boolean }
  readonly end: () => void
}

/** Makes calls of a tenant one after the other; each ends when its turn is over. */
async function hold(fleet: Fleet, count: number, tenant: string): Promise<Held[]> {
  const pool = fleet.world.upstreams.poolFor(fleet.definition, '')
  const calls = Array.from({ length: count }, (): Held => {
    const gate = Promise.withResolvers<string>()
    const run: RunOptions = {
      signal: undefined,
      deadlineAt: fleet.world.clock.monotonic() + 60_000,
      owner: { tenant, principal: tenant },
    }
    const state = { isRunning: false }
    const work = (): Promise<string> => {
      state.isRunning = true
      return gate.promise
    }
    const outcome = failureOf(pool.run(work, run))
    return { state, outcome, end: () => gate.resolve('done') }
  })
  await fleet.advance(0)
  return calls
}

function running(calls: readonly Held[]): boolean[] {
  return calls.map(({ state }) => state.isRunning)
}

test('tenants take turns at the permits of a pool, however many calls one of them has waiting', async () => {
  const fleet = await readyFleet(['a'], { pool: { ...SMALL, queueLimit: 10 } })
  const flood = await hold(fleet, 4, 'acme')
  const [other] = await hold(fleet, 1, 'globex')
  flood[0]?.end()
  await fleet.advance(0)
  expect([running(flood), other?.state.isRunning]).toEqual([[true, true, false, false], false])
  flood[1]?.end()
  await fleet.advance(0)
  expect([running(flood), other?.state.isRunning]).toEqual([[true, true, false, false], true])
  for (const call of [...flood, other]) call?.end()
  await Promise.all(flood.map(({ outcome }) => outcome))
})

test('tenants leave each other room in the queue: at its limit the one with the most loses its newest call', async () => {
  const fleet = await readyFleet(['a'], { pool: SMALL })
  const flood = await hold(fleet, 3, 'acme')
  const [other] = await hold(fleet, 1, 'globex')
  expect(await flood[2]?.outcome).toMatchObject({ code: 'upstream_busy' })
  const [more] = await hold(fleet, 1, 'acme')
  expect(await more?.outcome).toMatchObject({ code: 'upstream_busy' })
  for (const call of [flood[0], flood[1], other]) call?.end()
  expect(await Promise.all([flood[0]?.outcome, other?.outcome])).toEqual(['done', 'done'])
})

/** Long waits of a principal, one after the other: whether each was let in. They end with the returned function. */
async function letIn(
  fleet: Fleet,
  options: Partial<RunOptions>,
): Promise<{ outcomes: string[]; end: () => void }> {
  const pool = fleet.world.upstreams.poolFor(fleet.definition, '')
  const gate = Promise.withResolvers<string>()
  const outcomes: string[] = []
  for (let count = 0; count < 4; count += 1) {
    const run = { signal: undefined, deadlineAt: fleet.world.clock.monotonic() + 60_000, isLongWait: true }
    const work = (): Promise<string> => {
      outcomes.push('waits')
      return gate.promise
    }
    pool
      .run(work, { ...run, ...options })
      .catch((error: unknown) => outcomes.push((error as GatewayError).code))
    await fleet.advance(0)
  }
  return { outcomes, end: () => gate.resolve('done') }
}

test.each([
  ['instances', { pool: { maxConcurrentPerInstance: 8 } }, undefined],
  ['server', { maxConcurrency: 8 }, undefined],
  ['tenant', {}, new ConcurrencyLimit({ max: 8 })],
])(
  'long waits leave permits of the %s to calls, and are let in again after others ended',
  async (_of, fields, share) => {
    const fleet = await readyFleet(['a'], fields)
    const waitsOf = (principal: string): ReturnType<typeof letIn> =>
      letIn(fleet, { owner: { tenant: 'acme', principal }, ...(share !== undefined && { share }) })
    const first = await waitsOf('ann')
    const second = await waitsOf('bob')
    const third = await waitsOf('carl')
    const half = ['waits', 'waits', 'upstream_busy', 'upstream_busy']
    expect([first.outcomes, second.outcomes, third.outcomes]).toEqual([
      half,
      half,
      Array(4).fill('upstream_busy'),
    ])
    first.end()
    await fleet.advance(0)
    expect((await waitsOf('carl')).outcomes).toEqual(half)
  },
)
