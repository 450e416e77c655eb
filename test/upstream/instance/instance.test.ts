import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { FakeConnection, toolServer, upstreamError } from '../fake-connection.ts'
import { call, KEY, processServer, readyWorld, server, UNAVAILABLE, world } from '../world.ts'

describe('a server', () => {
  test('that starts is asked what it offers and is then ready', async () => {
    const { upstreams, offers, states, clock } = await readyWorld()
    expect(offers).toEqual(['acme/sample: a'])
    expect(states).toEqual(['acme/sample: starting', 'acme/sample: ready'])
    expect(upstreams.status(KEY)).toEqual({
      key: KEY,
      name: 'sample',
      tenantId: 'acme',
      state: 'ready',
      since: clock.now(),
      breaker: 'closed',
      instances: [
        {
          id: 'sample-1',
          state: 'ready',
          url: 'http://127.0.0.1:1/',
          health: 'healthy',
          pid: 4711,
          era: 'legacy',
          protocolVersion: '2025-11-25',
          restarts: 0,
          inFlight: 0,
        },
      ],
      inFlight: 0,
      waiting: 0,
    })
    expect([...upstreams.statuses().keys()]).toEqual([KEY])
  })

  test('that is ready runs calls', async () => {
    const made = await readyWorld()
    expect(await call(made.upstreams.poolFor(server(), ''), made)).toEqual({ content: [] })
  })

  test('that cannot be reached is tried again with growing waits, and says why and for how long', async () => {
    const made = world()
    const { servers, upstreams, states, clock } = made
    upstreams.start(server())
    servers.last.fail('it cannot be reached')
    await clock.advance(0)
    expect(states.at(-1)).toBe('acme/sample: backing_off (it cannot be reached)')
    expect(upstreams.status(KEY)?.instances[0]).toMatchObject({
      lastError: 'it cannot be reached',
      restarts: 0,
    })
    await expect(call(upstreams.poolFor(server(), ''), made)).rejects.toMatchObject({
      ...UNAVAILABLE,
      facts: { retryAfterMs: 375 },
    })
    await clock.advance(374)
    expect(servers.attempts).toHaveLength(1)
    await clock.advance(1)
    expect(servers.attempts).toHaveLength(2)
    expect(states.at(-1)).toBe('acme/sample: starting (it cannot be reached)')
    servers.last.fail('again')
    await clock.advance(624)
    expect(servers.attempts).toHaveLength(2)
    await clock.advance(1)
    servers.last.succeed()
    await clock.advance(0)
    expect(upstreams.status(KEY)).toMatchObject({ state: 'ready', instances: [{ restarts: 2 }] })
  })

  test('that fails too often is given up, until its definition changes', async () => {
    const made = world()
    const { servers, upstreams, clock } = made
    upstreams.start(processServer({ lifecycle: { maxRestarts: 1 } }))
    for (const reason of ['first', 'second']) {
      servers.last.fail(reason)
      await clock.advance(1000)
    }
    expect(upstreams.status(KEY)).toMatchObject({ state: 'failed', reason: 'second' })
    await clock.advance(3_600_000)
    expect(servers.attempts).toHaveLength(2)
    await expect(call(upstreams.poolFor(processServer(), ''), made)).rejects.toMatchObject(UNAVAILABLE)
    upstreams.replace(processServer())
    expect(upstreams.status(KEY)?.state).toBe('starting')
  })

  test('that is an endpoint and not a process is never given up: it may be back any time', async () => {
    const { servers, upstreams, clock } = world()
    upstreams.start(server({ lifecycle: { maxRestarts: 1 } }))
    for (let failure = 0; failure < 20; failure += 1) {
      servers.last.fail('away')
      await clock.advance(30_000)
    }
    servers.last.succeed()
    await clock.advance(0)
    expect(upstreams.status(KEY)?.state).toBe('ready')
  })

  test('that must not be restarted is given up at its first failure', async () => {
    const { servers, upstreams, clock } = await readyWorld({ lifecycle: { restartOnFailure: false } })
    servers.last.events.onLost('it ended')
    await clock.advance(0)
    expect(upstreams.status(KEY)).toMatchObject({ state: 'failed', reason: 'it ended' })
  })

  test('that is lost is closed and comes back within half a second', async () => {
    const { servers, upstreams, connection, clock, offers } = await readyWorld()
    servers.last.events.onLost('it ended')
    await clock.advance(0)
    expect(connection.isClosed).toBe(true)
    expect(upstreams.status(KEY)?.state).toBe('backing_off')
    await clock.advance(500)
    servers.last.succeed(toolServer('b'))
    await clock.advance(0)
    expect(upstreams.status(KEY)?.state).toBe('ready')
    expect(offers).toEqual(['acme/sample: a', 'acme/sample: b'])
  })

  test('is not disturbed by late reports about an earlier connection', async () => {
    const { servers, upstreams, clock } = await readyWorld()
    const first = servers.last
    first.events.onLost('it ended')
    await clock.advance(500)
    servers.last.succeed()
    await clock.advance(0)
    first.events.onLost('it ended again')
    await clock.advance(0)
    expect(upstreams.status(KEY)?.state).toBe('ready')
  })

  test('that is lost while it is asked what it offers was never ready', async () => {
    const { servers, upstreams, states, clock } = world()
    upstreams.start(server())
    servers.last.succeed(new FakeConnection({ 'tools/list': () => new Promise(() => undefined) }))
    await clock.advance(0)
    servers.last.events.onLost('it ended')
    await clock.advance(0)
    expect(states).toEqual(['acme/sample: starting', 'acme/sample: backing_off (it ended)'])
  })

  test('that cannot say what it offers is closed and tried again', async () => {
    const { servers, upstreams, clock } = world()
    upstreams.start(server())
    const broken = new FakeConnection({
      'tools/list': () => {
        throw upstreamError(-32_603)
      },
    })
    servers.last.succeed(broken)
    await clock.advance(0)
    expect(broken.isClosed).toBe(true)
    expect(upstreams.status(KEY)?.state).toBe('backing_off')
  })
})

describe('what a server offers', () => {
  test('is asked again when it announces a change, and after its TTL', async () => {
    const { servers, connection, clock, offers } = await readyWorld({ catalogTtlMs: 60_000 })
    connection.answers['tools/list'] = () => ({ tools: [{ name: 'b', inputSchema: { type: 'object' } }] })
    servers.last.events.onListChanged('tools')
    await clock.advance(200)
    expect(offers).toEqual(['acme/sample: a', 'acme/sample: b'])
    await clock.advance(60_000)
    expect(offers).toHaveLength(3)
  })

  test('counts as lost with the server when it does not answer any more', async () => {
    const { connection, clock, upstreams } = await readyWorld({ catalogTtlMs: 60_000 })
    connection.answers['tools/list'] = () => {
      throw new TypeError('no response')
    }
    await clock.advance(60_000)
    expect(upstreams.status(KEY)?.state).toBe('ready')
    connection.answers['tools/list'] = () => {
      throw new GatewayError('upstream_timeout', 'Server sample did not respond in time')
    }
    await clock.advance(60_000)
    expect(upstreams.status(KEY)).toMatchObject({
      state: 'backing_off',
      reason: 'it no longer lists what it offers: tools/list: no response within 10 s',
    })
  })

  test('is reported with what had to be left out', async () => {
    const problems: (readonly string[])[] = []
    const { servers, upstreams, clock } = world({ onOffer: (_key, offer) => problems.push(offer.problems) })
    upstreams.start(server())
    servers.last.succeed(new FakeConnection({ 'tools/list': () => ({ tools: [{ name: 'bad' }] }) }))
    await clock.advance(0)
    expect(problems).toEqual([
      ['tool bad: inputSchema: expected an object, received nothing; the tool is left out'],
    ])
  })
})

test('a server that could not be started because the machine is short of something is never given up for that', async () => {
  const { servers, upstreams, clock } = world()
  upstreams.start(processServer({ lifecycle: { maxRestarts: 1 } }))
  for (let failure = 0; failure < 20; failure += 1) {
    servers.last.failWith(Object.assign(new Error('no descriptors'), { name: 'SpawnFailed', code: 'EMFILE' }))
    await clock.advance(30_000)
  }
  servers.last.succeed()
  await clock.advance(0)
  expect(upstreams.status(KEY)?.state).toBe('ready')
})
