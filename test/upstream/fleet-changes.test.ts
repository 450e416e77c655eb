import { describe, expect, test } from '@jest/globals'
import { failureOf, Fleet, fleetServer, readyFleet, urlOf } from './fleet-world.ts'
import { KEY, UNAVAILABLE } from './world.ts'

function health(fleet: Fleet): (string | undefined)[] {
  return (fleet.world.upstreams.status(KEY)?.instances ?? []).map((instance) => instance.health)
}

describe('callers who need one and the same instance', () => {
  const session = { sharing: 'session' }

  test('get a connection to one endpoint only', async () => {
    const fleet = await readyFleet(['a', 'b', 'c'], session)
    fleet.world.servers.isReady = true
    const pool = fleet.world.upstreams.poolFor(fleet.definition, 'session:1')
    const options = { signal: undefined, deadlineAt: fleet.world.clock.monotonic() + 1000 }
    const used = await Promise.all([1, 2, 3, 4].map(() => pool.run((_c, id) => Promise.resolve(id), options)))
    expect(new Set(used).size).toBe(1)
    expect(fleet.opening).toHaveLength(1)
  })

  test('get one to another endpoint when theirs is away, and lose the first for it', async () => {
    const fleet = await readyFleet(['a', 'b', 'c'], session)
    const pool = fleet.world.upstreams.poolFor(fleet.definition, 'session:1')
    const first = fleet.call({ pool })
    await fleet.advance(0)
    await fleet.open()
    expect(await first).toBe('b')
    await fleet.lose('b')
    const second = fleet.call({ pool })
    await fleet.advance(0)
    expect(await fleet.open()).toEqual(['c'])
    expect(await second).toBe('c')
    await fleet.advance(60_000)
    expect(fleet.opening).toEqual([])
    expect(pool.instances).toMatchObject([{ url: urlOf('c'), state: 'ready' }])
  })

  test('fail when every endpoint is away, until the first of them is to be tried again', async () => {
    const fleet = await readyFleet(['a', 'b'], session)
    const pool = fleet.world.upstreams.poolFor(fleet.definition, 'session:1')
    for (let turn = 0; turn < 2; turn += 1) {
      const failure = failureOf(fleet.call({ pool }))
      await fleet.advance(0)
      await fleet.fail()
      expect(await failure).toMatchObject(UNAVAILABLE)
    }
    expect(await failureOf(fleet.call({ pool }))).toMatchObject({ facts: { retryAfterMs: 375 } })
    expect(fleet.opening).toEqual([])
  })
})

describe('a changed list of endpoints', () => {
  test('adds the new ones and drains those that are gone; what stays is not touched', async () => {
    const fleet = await readyFleet(['a', 'b'])
    const release = fleet.hold('a')
    const calls = [fleet.call(), fleet.call()]
    await fleet.advance(0)
    fleet.world.upstreams.update(fleetServer(['b', 'c']))
    expect(await fleet.open()).toEqual(['c'])
    expect(await fleet.shares(4)).toEqual({ b: 2, c: 2 })
    expect(fleet.connection('a').isClosed).toBe(false)
    release()
    expect(await Promise.all(calls)).toEqual(['a', 'b'])
    await fleet.advance(0)
    expect(fleet.connection('a').isClosed).toBe(true)
    expect(fleet.connection('b').isClosed).toBe(false)
    expect(fleet.world.servers.attempts).toHaveLength(3)
    expect(fleet.world.states).toHaveLength(2)
  })

  test('that has none of the old ones makes calls wait for the new ones', async () => {
    const fleet = new Fleet(fleetServer([], { url: urlOf('a'), instances: undefined }))
    await fleet.open()
    fleet.world.upstreams.update(fleetServer([], { url: urlOf('b'), instances: undefined }))
    const call = fleet.call()
    await fleet.advance(0)
    await fleet.open()
    expect(await call).toBe('b')
    expect(fleet.connection('a').isClosed).toBe(true)
    expect(fleet.world.states.slice(2)).toEqual([
      'acme/sample: starting (the server no longer exists)',
      'acme/sample: ready',
    ])
    expect(fleet.world.offers).toHaveLength(2)
  })

  test('takes over weights, the algorithm and the health check', async () => {
    const fleet = await readyFleet(['a', 'b'])
    const instances = [{ url: urlOf('a'), weight: 3 }, { url: urlOf('b') }]
    fleet.world.upstreams.update(
      fleetServer([], { instances, loadBalancing: 'weighted', healthCheck: { enabled: false } }),
    )
    expect(await fleet.shares(2)).toEqual({ a: 2 })
    expect(health(fleet)).toEqual([undefined, undefined])
    fleet.world.upstreams.update(fleetServer(['a', 'b'], { stickySessions: true }))
    expect(health(fleet)).toEqual(['healthy', 'healthy'])
    const homes = new Set([await fleet.call({ stickyKey: 's' }), await fleet.call({ stickyKey: 's' })])
    expect(homes.size).toBe(1)
    expect(fleet.world.servers.attempts).toHaveLength(2)
  })

  test('moves callers who need a single instance only when theirs is gone', async () => {
    const fleet = await readyFleet(['a', 'b'], { sharing: 'session' })
    const pool = fleet.world.upstreams.poolFor(fleet.definition, 'session:1')
    const first = fleet.call({ pool })
    await fleet.advance(0)
    await fleet.open()
    expect(await first).toBe('b')
    fleet.world.upstreams.update(fleetServer(['b', 'c'], { sharing: 'session' }))
    await fleet.open()
    expect(await fleet.call({ pool })).toBe('b')
    fleet.world.upstreams.update(fleetServer(['c'], { sharing: 'session' }))
    await fleet.open()
    expect(await fleet.call({ pool })).toBe('c')
  })
})
