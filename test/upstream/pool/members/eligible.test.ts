import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../../src/domain/json/json.ts'
import { sessionLost } from '../../fake-connection.ts'
import { failureOf, Fleet, processFleet, readyFleet, urlOf } from '../../fleet-world.ts'
import { KEY, UNAVAILABLE } from '../../world.ts'

const SILENT = { intervalMs: 1000, timeoutMs: 100, unhealthyAfter: 2, healthyAfter: 2 }

/** Makes an instance answer no health check. */
function silence(fleet: Fleet, ...names: string[]): void {
  for (const name of names)
    fleet.connection(name).answers['ping'] = () => Promise.reject(new GatewayError('upstream_timeout'))
}

function heal(fleet: Fleet, name: string): void {
  delete fleet.connection(name).answers['ping']
}

function health(fleet: Fleet): (string | undefined)[] {
  return (fleet.world.upstreams.status(KEY)?.instances ?? []).map((instance) => instance.health)
}

describe('a server with several endpoints', () => {
  test('is connected to all of them, and each gets its share of the calls', async () => {
    const fleet = await readyFleet()
    expect(await fleet.shares(9)).toEqual({ a: 3, b: 3, c: 3 })
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({
      state: 'ready',
      instances: [
        { id: 'sample-1', url: urlOf('a'), state: 'ready', health: 'healthy', inFlight: 0 },
        { id: 'sample-2', url: urlOf('b') },
        { id: 'sample-3', url: urlOf('c') },
      ],
    })
  })

  test('is ready with the first of them, and is so for as long as one is', async () => {
    const fleet = new Fleet()
    fleet.opening[1]?.succeed()
    await fleet.advance(0)
    expect(fleet.states).toEqual(['starting', 'ready', 'starting'])
    expect(fleet.world.states).toEqual(['acme/sample: starting', 'acme/sample: ready'])
    fleet.opening[0]?.fail('no')
    fleet.opening[2]?.fail('no')
    await fleet.advance(0)
    expect(fleet.world.states).toHaveLength(2)
    fleet.opening[1]?.events.onLost('it ended')
    await fleet.advance(0)
    expect(fleet.world.states.slice(2)).toEqual(['acme/sample: backing_off (it ended)'])
    expect(await failureOf(fleet.call())).toMatchObject({ ...UNAVAILABLE, facts: { retryAfterMs: 375 } })
  })

  test('spreads calls as its document says', async () => {
    const instances = [
      { url: urlOf('a'), weight: 1 },
      { url: urlOf('b'), weight: 3 },
    ]
    const fields = { instances, loadBalancing: 'weighted' }
    let turn = 0
    const random = (): number => (turn++ % 4) / 4
    const fleet = await readyFleet([], fields, { random })
    turn = 0
    expect(await fleet.shares(8)).toEqual({ a: 2, b: 6 })
  })

  test('leads the calls of one session to one instance, and to another while that one is away', async () => {
    const fleet = await readyFleet(['a', 'b', 'c'], { stickySessions: true })
    const sessions = Array.from({ length: 30 }, (_, index) => `session-${index}`)
    const homes = (): Promise<string[]> => Promise.all(sessions.map((stickyKey) => fleet.call({ stickyKey })))
    const before = await homes()
    expect(await homes()).toEqual(before)
    expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']))
    await fleet.lose('b')
    const meanwhile = await homes()
    expect(meanwhile.filter((name, index) => name !== before[index])).toHaveLength(
      before.filter((name) => name === 'b').length,
    )
    await fleet.advance(500)
    await fleet.open()
    expect(await homes()).toEqual(before)
    expect(await fleet.shares(3)).toEqual({ a: 1, b: 1, c: 1 })
  })

  test('passes on what a client says to every instance', async () => {
    const fleet = await readyFleet()
    fleet.world.servers.isReady = true
    const client = { capabilities: { roots: {} }, logLevel: undefined, tell: () => undefined }
    const pool = fleet.world.upstreams.poolFor(fleet.definition, 'session:1', client)
    await pool.run(() => Promise.resolve(), { signal: undefined, deadlineAt: 1000 })
    fleet.world.upstreams.tell('session:1', 'notifications/roots/list_changed', undefined)
    expect(fleet.opening.map(({ client: own }) => own)).toEqual([client])
  })
})

describe('a call at an instance that', () => {
  test('cannot be reached any more runs at another', async () => {
    const fleet = await readyFleet(['a', 'b'])
    let tries = 0
    fleet.connection('a').answers['tools/call'] = () => {
      tries += 1
      throw new GatewayError('upstream_unavailable', undefined, { facts: { mayHaveExecuted: false } })
    }
    expect(await fleet.shares(4)).toEqual({ b: 4 })
    expect(tries).toBe(2)
  })

  test('may have executed it fails', async () => {
    const fleet = await readyFleet(['a', 'b'])
    fleet.connection('a').answers['tools/call'] = () => {
      throw new GatewayError('upstream_unavailable', undefined, { facts: { mayHaveExecuted: true } })
    }
    expect(await failureOf(fleet.call())).toMatchObject({ code: 'upstream_unavailable' })
    expect(await fleet.call()).toBe('b')
  })

  test('has forgotten the session runs at another at once, while that session is opened anew', async () => {
    const fleet = await readyFleet(['a', 'b'])
    fleet.connection('a').answers['tools/call'] = () => Promise.reject(sessionLost())
    expect(await fleet.call()).toBe('b')
    expect(fleet.states).toEqual(['starting', 'ready'])
    expect(await fleet.open()).toEqual(['a'])
    expect(await fleet.shares(4)).toEqual({ a: 2, b: 2 })
  })

  test('is tried twice at most', async () => {
    const fleet = await readyFleet()
    const unreachable = { ...UNAVAILABLE.facts }
    for (const name of ['a', 'b', 'c'])
      fleet.connection(name).answers['tools/call'] = () => {
        throw new GatewayError('upstream_unavailable', undefined, { facts: unreachable })
      }
    expect(await failureOf(fleet.call())).toMatchObject({ code: 'upstream_unavailable' })
    const asked = ['a', 'b', 'c'].flatMap((name) =>
      fleet.connection(name).requests.filter(({ method }) => method === 'tools/call'),
    )
    expect(asked).toHaveLength(2)
  })
})

describe('an endpoint that does not answer its health checks', () => {
  test('gets no calls until it has answered as often as the document says', async () => {
    const fleet = await readyFleet(['a', 'b', 'c'], { healthCheck: SILENT })
    silence(fleet, 'b')
    await fleet.advance(1000)
    expect(await fleet.shares(3)).toEqual({ a: 1, b: 1, c: 1 })
    await fleet.advance(2000)
    expect(health(fleet)).toEqual(['healthy', 'unhealthy', 'healthy'])
    expect(fleet.states).toEqual(['ready', 'ready', 'ready'])
    expect(await fleet.shares(4)).toEqual({ a: 2, c: 2 })
    heal(fleet, 'b')
    await fleet.advance(1000)
    expect(await fleet.shares(4)).toEqual({ a: 2, c: 2 })
    await fleet.advance(1000)
    expect(await fleet.shares(3)).toEqual({ a: 1, b: 1, c: 1 })
  })

  test('keeps its calls when it is the last one', async () => {
    const fleet = await readyFleet(['a', 'b'], { healthCheck: SILENT })
    silence(fleet, 'a')
    await fleet.advance(2000)
    silence(fleet, 'b')
    await fleet.advance(10_000)
    expect(health(fleet)).toEqual(['unhealthy', 'unhealthy'])
    expect(await fleet.shares(2)).toEqual({ b: 2 })
    heal(fleet, 'a')
    await fleet.advance(2000)
    expect(await fleet.shares(2)).toEqual({ a: 2 })
  })

  test('gets calls again when all others are gone', async () => {
    const fleet = await readyFleet(['a', 'b'], { healthCheck: SILENT })
    silence(fleet, 'a')
    await fleet.advance(2000)
    await fleet.lose('b')
    expect(await fleet.shares(2)).toEqual({ a: 2 })
  })

  test('is not asked while it answers calls', async () => {
    const fleet = await readyFleet(['a'], { healthCheck: SILENT })
    const pings = (): number =>
      fleet.connection('a').requests.filter(({ method }) => method === 'ping').length
    for (let second = 0; second < 5; second += 1) {
      await fleet.call()
      await fleet.advance(999)
    }
    expect(pings()).toBe(0)
    await fleet.advance(2000)
    expect(pings()).toBeGreaterThan(0)
  })
})

describe('a process that does not answer its health checks', () => {
  test('is replaced, the last one too, and its calls fail', async () => {
    const fleet = await processFleet({ healthCheck: SILENT })
    silence(fleet, '1')
    const old = fleet.connection('1')
    await fleet.advance(2000)
    expect(old.isClosed).toBe(true)
    expect(fleet.world.upstreams.status(KEY)).toMatchObject({
      state: 'backing_off',
      reason: 'it failed 2 health checks in a row: The server did not respond in time',
    })
    await fleet.advance(500)
    expect(await fleet.open()).toEqual(['2'])
    expect(health(fleet)).toEqual(['healthy'])
    expect(await fleet.call()).toBe('2')
    silence(fleet, '2')
    await fleet.advance(3000)
    expect(fleet.states).toEqual(['starting'])
  })
})

describe('the instance that speaks for the others', () => {
  test('is asked alone what the server offers, and announces changes of it', async () => {
    const fleet = new Fleet()
    await fleet.open()
    expect(fleet.world.offers).toEqual(['acme/sample: tool'])
    const lists = (name: string): number =>
      fleet.connection(name).requests.filter(({ method }) => method === 'tools/list').length
    const before = ['a', 'b', 'c'].map(lists)
    fleet.attempt('b').events.onListChanged('tools')
    await fleet.advance(1000)
    expect(['a', 'b', 'c'].map(lists)).toEqual(before)
    fleet.attempt('a').events.onListChanged('tools')
    await fleet.advance(1000)
    expect(fleet.world.offers).toHaveLength(2)
    await fleet.lose('c')
    await fleet.advance(500)
    await fleet.open()
    expect(lists('c')).toBe(0)
  })

  test('is succeeded by another when it goes, which is asked at once', async () => {
    const fleet = await readyFleet()
    fleet.connection('b').answers['tools/list'] = () => ({
      tools: [{ name: 'newer', inputSchema: { type: 'object' } }],
    })
    await fleet.lose('a')
    await fleet.advance(0)
    expect(fleet.world.offers).toEqual(['acme/sample: tool', 'acme/sample: newer'])
    expect(fleet.world.states).toEqual(['acme/sample: starting', 'acme/sample: ready'])
    await fleet.advance(500)
    await fleet.open()
    expect(fleet.world.offers).toHaveLength(2)
  })

  test('is succeeded by another when it is unhealthy', async () => {
    const fleet = await readyFleet(['a', 'b'], { healthCheck: SILENT })
    silence(fleet, 'a')
    fleet.connection('a').answers['tools/list'] = () => new Promise(() => undefined)
    await fleet.advance(2000)
    expect(fleet.world.offers).toHaveLength(2)
    fleet.attempt('b').events.onListChanged('tools')
    await fleet.advance(1000)
    expect(fleet.world.offers).toHaveLength(3)
  })

  test('carries what is watched, which moves with it, and the watchers are told of the gap', async () => {
    const fleet = await readyFleet()
    const told: JsonObject[] = []
    const options = { signal: undefined, deadlineAt: 1000 }
    await fleet.pool.watchResource('x://1', (params) => void told.push(params), options)
    expect(['a', 'b', 'c'].map((name) => fleet.connection(name).watched)).toEqual([[['x://1']], [], []])
    await fleet.lose('a')
    expect(fleet.connection('b').watched).toEqual([['x://1']])
    expect(told).toEqual([{ uri: 'x://1' }])
    fleet.attempt('b').events.onResourceUpdated?.({ uri: 'x://1', n: 2 })
    expect(told).toHaveLength(2)
    await fleet.advance(500)
    await fleet.open()
    expect(fleet.connection('a').watched).toEqual([])
  })

  test('can be looked at by the era that it spoke, also while all are away', async () => {
    const fleet = await readyFleet(['a', 'b'])
    await fleet.lose('a')
    await fleet.lose('b')
    expect(fleet.world.upstreams.eraOf(KEY)).toBe('legacy')
    expect(fleet.world.upstreams.capabilitiesOf(KEY)).toEqual({ tools: {} })
  })
})
