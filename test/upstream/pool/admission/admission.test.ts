import { describe, expect, test } from '@jest/globals'
import type { RunOptions } from '../../../../src/upstream/pool/admission/call-queue.ts'
import { ConcurrencyLimit } from '../../../../src/upstream/pool/admission/concurrency-limit.ts'
import { failureOf, Fleet, fleetServer, processFleet, readyFleet } from '../../fleet-world.ts'
import { KEY } from '../../world.ts'

const SMALL = { maxConcurrentPerInstance: 1, queueLimit: 2, queueTimeoutMs: 1000 }
const BUSY = {
  code: 'upstream_busy',
  message: 'Server sample is busy',
  facts: { server: 'sample', mayHaveExecuted: false },
}

/** A call that ends when its turn is over. */
class Held {
  readonly outcome: Promise<unknown>
  readonly #gate = Promise.withResolvers<string>()
  isRunning = false

  constructor(fleet: Fleet, options: Partial<RunOptions> & { key?: string } = {}) {
    const { key = '', ...rest } = options
    const pool = fleet.world.upstreams.poolFor(fleet.definition, key)
    const run: RunOptions = {
      signal: undefined,
      deadlineAt: fleet.world.clock.monotonic() + 60_000,
      ...rest,
    }
    this.outcome = failureOf(
      pool.run((_connection, instance) => {
        this.isRunning = true
        return this.#gate.promise.then(() => instance)
      }, run),
    )
  }

  end(): void {
    this.#gate.resolve('')
  }
}

/** Makes calls one after the other. */
async function hold(fleet: Fleet, count: number, options: Partial<RunOptions> = {}): Promise<Held[]> {
  const calls = Array.from({ length: count }, () => new Held(fleet, options))
  await fleet.advance(0)
  return calls
}

function running(calls: readonly Held[]): boolean[] {
  return calls.map(({ isRunning }) => isRunning)
}

describe('calls for which there is no place', () => {
  test('wait, in turn, and the excess is refused at once, with the time after which it may be tried again', async () => {
    const refused: string[] = []
    const fleet = await readyFleet(['a'], { pool: SMALL }, { onBusy: (server) => refused.push(server) })
    const calls = await hold(fleet, 3)
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({ inFlight: 1, waiting: 2 })
    expect(await failureOf(fleet.call())).toMatchObject({ ...BUSY, facts: { retryAfterMs: 3000 } })
    expect(refused).toEqual(['sample'])
    for (const [index, call] of calls.entries()) {
      expect(running(calls)).toEqual(calls.map((_call, other) => other <= index))
      call.end()
      await fleet.advance(0)
    }
    expect(await Promise.all(calls.map(({ outcome }) => outcome))).toEqual(calls.map(() => 'sample-1'))
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  test('wait no longer than the document says, than their deadline, and than their caller', async () => {
    const fleet = await readyFleet(['a'], { pool: { ...SMALL, queueLimit: 5 } })
    const [first] = await hold(fleet, 1)
    const controller = new AbortController()
    const now = fleet.world.clock.monotonic()
    const [long] = await hold(fleet, 1)
    const [short] = await hold(fleet, 1, { deadlineAt: now + 300 })
    const [gone] = await hold(fleet, 1, { signal: controller.signal })
    const [never] = await hold(fleet, 1, { signal: AbortSignal.abort() })
    controller.abort()
    expect(await gone?.outcome).toMatchObject({ code: 'cancelled', facts: { mayHaveExecuted: false } })
    expect(await never?.outcome).toMatchObject({ code: 'cancelled' })
    await fleet.advance(300)
    expect(await short?.outcome).toMatchObject(BUSY)
    await fleet.advance(699)
    expect(fleet.world.upstreams.status(KEY)?.waiting).toBe(1)
    await fleet.advance(1)
    expect(await long?.outcome).toMatchObject(BUSY)
    first?.end()
    expect(await first?.outcome).toBe('sample-1')
    expect(await fleet.call()).toBe('a')
  })

  test('leave no place behind when their caller goes away as they get it', async () => {
    const fleet = await readyFleet(['a'], { pool: SMALL })
    const [first] = await hold(fleet, 1)
    const controller = new AbortController()
    const [waiting] = await hold(fleet, 1, { signal: controller.signal })
    first?.end()
    await first?.outcome
    controller.abort()
    waiting?.end()
    await waiting?.outcome
    expect(await fleet.call()).toBe('a')
  })

  test('fail at once when the last instance goes, and with them who comes then', async () => {
    const fleet = await readyFleet(['a'], { pool: SMALL })
    const [, waiting] = await hold(fleet, 2)
    await fleet.lose('a')
    expect(await waiting?.outcome).toMatchObject({
      code: 'upstream_unavailable',
      facts: { retryAfterMs: 375 },
    })
  })

  test('run at whichever instance has a place first', async () => {
    const fleet = await readyFleet(['a', 'b'], { pool: SMALL })
    const [, second, third] = await hold(fleet, 3)
    second?.end()
    await fleet.advance(0)
    third?.end()
    expect(await third?.outcome).toBe('sample-2')
  })

  test('do not hold up what is to be watched once an instance is there', async () => {
    const fleet = new Fleet(fleetServer(['a'], { pool: { ...SMALL, queueLimit: 5 } }))
    const calls = await hold(fleet, 3)
    const options = { signal: undefined, deadlineAt: 60_000 }
    const watching = fleet.pool.watchResource('x://1', () => undefined, options)
    await fleet.open()
    expect(await watching).toEqual(expect.any(Function))
    expect(running(calls)).toEqual([true, false, false])
  })

  test('get one when the document gives more of them', async () => {
    const fleet = await readyFleet(['a'], { pool: SMALL })
    const calls = await hold(fleet, 2)
    fleet.world.upstreams.update({
      ...fleet.definition,
      pool: { ...fleet.definition.pool, maxConcurrentPerInstance: 2 },
    })
    await fleet.advance(0)
    expect(running(calls)).toEqual([true, true])
  })

  test('are refused where none may wait', async () => {
    const fleet = await readyFleet(['a'], { pool: { ...SMALL, queueLimit: 0 } })
    const [, second] = await hold(fleet, 2)
    expect(await second?.outcome).toMatchObject(BUSY)
  })
})

describe('calls that wait for an instance to start', () => {
  test('are bounded in number, wait until their deadline, and fail as those of a server that is away', async () => {
    const fleet = await readyFleet(['a'], { pool: SMALL, lifecycle: { autoStart: false } })
    const [patient, short] = [
      ...(await hold(fleet, 1)),
      ...(await hold(fleet, 1, { deadlineAt: fleet.world.clock.monotonic() + 2000 })),
    ]
    expect(await failureOf(fleet.call())).toMatchObject(BUSY)
    await fleet.advance(2000)
    expect(await short?.outcome).toMatchObject({ code: 'upstream_unavailable' })
    await fleet.open()
    patient?.end()
    expect(await patient?.outcome).toBe('sample-1')
  })
})

describe('a limit of the whole server', () => {
  test('counts the calls of all its pools, which get free places in turn', async () => {
    const fleet = await readyFleet(['a'], { maxConcurrency: 1, tenantId: '*' })
    fleet.world.servers.isReady = true
    const first = new Held(fleet, { key: 'tenant:x' })
    await fleet.advance(0)
    const calls = ['tenant:x', 'tenant:x', 'tenant:y', 'tenant:y'].map((key) => new Held(fleet, { key }))
    await fleet.advance(0)
    expect(running([first, ...calls])).toEqual([true, false, false, false, false])
    const order: number[] = []
    first.end()
    for (let turn = 0; turn < calls.length; turn += 1) {
      await fleet.advance(0)
      const next = calls.findIndex(({ isRunning }, index) => isRunning && !order.includes(index))
      order.push(next)
      calls[next]?.end()
    }
    expect(order).toEqual([0, 2, 1, 3])
    await Promise.all(calls.map(({ outcome }) => outcome))
    expect(fleet.world.upstreams.status('*/sample')).toMatchObject({ inFlight: 0, waiting: 0 })
  })
})

describe('the share of one tenant', () => {
  test("makes its own calls wait and nobody else's", async () => {
    const fleet = await readyFleet(['a'])
    const share = new ConcurrencyLimit({ max: 1 })
    const own = await hold(fleet, 3, { share })
    expect(running(own)).toEqual([true, false, false])
    const [other] = await hold(fleet, 1)
    expect(other?.isRunning).toBe(true)
    own[0]?.end()
    await fleet.advance(0)
    expect(running(own)).toEqual([true, true, false])
  })

  test('holds over all servers', async () => {
    const share = new ConcurrencyLimit({ max: 1 })
    const one = await readyFleet(['a'])
    const two = await readyFleet(['b'])
    const [first] = await hold(one, 1, { share })
    const [second] = await hold(two, 1, { share })
    expect(second?.isRunning).toBe(false)
    first?.end()
    await one.advance(0)
    expect(second?.isRunning).toBe(true)
  })
})

describe('a pool of processes', () => {
  const POOL = { max: 4, maxConcurrentPerInstance: 2, queueLimit: 100, idleMs: 1000 }

  test('begins with the fewest, and starts more when calls have to wait, no more than it may', async () => {
    const fleet = await processFleet({ pool: POOL })
    expect(fleet.states).toEqual(['ready'])
    const calls = await hold(fleet, 3)
    expect(fleet.states).toEqual(['ready', 'starting'])
    calls.push(...(await hold(fleet, 1)))
    expect(fleet.opening).toHaveLength(1)
    calls.push(...(await hold(fleet, 20)))
    expect(fleet.states).toEqual(['ready', 'starting', 'starting', 'starting'])
    await fleet.open()
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({ inFlight: 8, waiting: 16 })
    for (const call of calls) call.end()
    await fleet.advance(0)
    expect(new Set(await Promise.all(calls.map(({ outcome }) => outcome))).size).toBe(4)
  })

  test('lets none go that starts for calls that wait, however long that takes', async () => {
    const fleet = await processFleet({ pool: { ...POOL, idleMs: 1000 } })
    const calls = await hold(fleet, 8)
    await fleet.advance(5000)
    expect(fleet.states).toEqual(['ready', 'starting', 'starting', 'starting'])
    await fleet.open()
    expect(running(calls)).toEqual(calls.map(() => true))
  })

  test('starts none for calls that wait for something else', async () => {
    const fleet = await processFleet({ pool: POOL, maxConcurrency: 1 })
    await hold(fleet, 5)
    expect(fleet.opening).toEqual([])
  })

  test('lets those go that it did not need for the idle time, down to the fewest', async () => {
    const fleet = await processFleet({ pool: POOL })
    const calls = await hold(fleet, 8)
    await fleet.open()
    await fleet.advance(5000)
    expect(fleet.states).toHaveLength(4)
    for (const call of calls.slice(3)) call.end()
    await fleet.advance(2000)
    const busy = fleet.world.upstreams.status(KEY)?.instances ?? []
    expect(busy.map(({ inFlight }) => inFlight).toSorted((a, b) => a - b)).toEqual([1, 2])
    for (const call of calls) call.end()
    await fleet.advance(2000)
    expect(fleet.states).toEqual(['ready'])
    await fleet.advance(60_000)
    expect(fleet.states).toEqual(['ready'])
    expect(await fleet.call()).toBe('1')
  })

  test('that may have none stops its last one too, and starts it again with the next call', async () => {
    const fleet = await processFleet({ pool: { ...POOL, min: 0 } })
    await fleet.advance(1000)
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({ state: 'stopped', reason: 'it was not needed' })
    expect(fleet.connection('1').isClosed).toBe(true)
    const call = fleet.call()
    await fleet.advance(0)
    expect(await fleet.open()).toEqual(['2'])
    expect(await call).toBe('2')
  })

  test('keeps one over which a resource is watched', async () => {
    const fleet = await processFleet({ pool: { ...POOL, min: 0 } })
    const options = { signal: undefined, deadlineAt: fleet.world.clock.monotonic() + 1000 }
    const release = await fleet.pool.watchResource('x://1', () => undefined, options)
    await fleet.advance(10_000)
    expect(fleet.states).toEqual(['ready'])
    release()
    await fleet.advance(2000)
    expect(fleet.states).toEqual([])
  })

  test('grows and shrinks as its document changes', async () => {
    const fleet = await processFleet({ pool: { ...POOL, min: 1 } })
    const change = (pool: object): void =>
      fleet.world.upstreams.update({ ...fleet.definition, pool: { ...fleet.definition.pool, ...pool } })
    change({ min: 3 })
    await fleet.open()
    expect(fleet.states).toEqual(['ready', 'ready', 'ready'])
    change({ min: 1, max: 2 })
    await fleet.advance(0)
    expect(fleet.states).toEqual(['ready', 'ready'])
    expect(fleet.connection('1').isClosed).toBe(false)
  })

  test('whose extra process fails goes on with the others', async () => {
    const fleet = await processFleet({ pool: POOL, lifecycle: { maxRestarts: 0 } })
    const calls = await hold(fleet, 4)
    await fleet.fail('no')
    expect(fleet.states).toEqual(['ready', 'failed'])
    expect(fleet.world.states.at(-1)).toBe('acme/sample: ready')
    for (const call of calls) call.end()
    expect(await Promise.all(calls.map(({ outcome }) => outcome))).toEqual(calls.map(() => 'sample-1'))
    await fleet.advance(2000)
    expect(fleet.states).toEqual(['ready'])
  })

  test('starts another one for an extra process that failed for good, once in each idle time', async () => {
    const fleet = await processFleet({ pool: { ...POOL, max: 2 }, lifecycle: { maxRestarts: 0 } })
    const calls = await hold(fleet, 4)
    await fleet.fail('no')
    calls.push(...(await hold(fleet, 4)))
    expect([fleet.states, fleet.opening]).toEqual([['ready', 'failed'], []])
    await fleet.advance(1000)
    calls.push(...(await hold(fleet, 1)))
    expect(fleet.states).toEqual(['ready', 'starting'])
    await fleet.open()
    expect(running(calls).filter(Boolean)).toHaveLength(4)
  })
})
