import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { FakeConnection, toolServer } from '../fake-connection.ts'
import { call, KEY, readyWorld, server, UNAVAILABLE, world } from '../world.ts'

/** What a promise rejects with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}

describe('a server that starts on first use', () => {
  test('is stopped until a call comes, which waits for it', async () => {
    const made = world()
    const { upstreams, servers, clock, states } = made
    upstreams.start(server({ lifecycle: { autoStart: false } }))
    expect(states).toEqual(['acme/sample: stopped (it starts when it is first used)'])
    const first = call(upstreams.poolFor(server(), ''), made)
    await clock.advance(0)
    servers.last.succeed(toolServer('a'))
    expect(await first).toEqual({ content: [] })
    expect(made.offers).toEqual(['acme/sample: a'])
  })

  test('fails the calls that wait when it cannot start', async () => {
    const made = world()
    made.upstreams.start(server({ lifecycle: { autoStart: false } }))
    const first = call(made.upstreams.poolFor(server(), ''), made)
    const failure = failureOf(first)
    await made.clock.advance(0)
    made.servers.last.fail('no')
    expect(await failure).toMatchObject(UNAVAILABLE)
  })

  test('lets a call wait no longer than its deadline or its caller', async () => {
    const made = world()
    made.upstreams.start(server())
    const pool = made.upstreams.poolFor(server(), '')
    const controller = new AbortController()
    const late = failureOf(call(pool, made, { ms: 300 }))
    const gone = failureOf(call(pool, made, { signal: controller.signal }))
    const neverThere = failureOf(call(pool, made, { signal: AbortSignal.abort() }))
    controller.abort()
    await made.clock.advance(300)
    expect(await late).toMatchObject(UNAVAILABLE)
    expect(await gone).toMatchObject({ code: 'cancelled' })
    expect(await neverThere).toMatchObject({ code: 'cancelled', facts: { mayHaveExecuted: false } })
    expect(made.upstreams.status(KEY)?.state).toBe('starting')
  })
})

describe('callers that share no connection with others', () => {
  test('have one of their own, started on first use, which tells nobody what it offers', async () => {
    const made = await readyWorld()
    const { upstreams, servers, clock } = made
    servers.isReady = true
    const pool = upstreams.poolFor(server(), 'session:1')
    expect(upstreams.poolFor(server(), 'session:1')).toBe(pool)
    expect(upstreams.poolFor(server(), 'session:2')).not.toBe(pool)
    expect(servers.attempts).toHaveLength(1)
    await call(pool, made)
    await clock.advance(0)
    expect(servers.attempts).toHaveLength(2)
    expect(made.offers).toHaveLength(1)
    expect(made.states).toHaveLength(2)
    expect(upstreams.status(KEY)?.instances.map(({ id, state }) => [id, state])).toEqual([
      ['sample-1', 'ready'],
      ['sample-2', 'ready'],
      ['sample-3', 'stopped'],
    ])
  })

  test('lose it when they have not used it for the idle time', async () => {
    const made = await readyWorld({ pool: { idleMs: 1000 } })
    const { upstreams, servers, clock } = made
    const definition = server({ pool: { idleMs: 1000 } })
    const pool = upstreams.poolFor(definition, 'k')
    const first = call(pool, made)
    await clock.advance(0)
    const connection = servers.last.succeed()
    await first
    await clock.advance(900)
    await call(pool, made)
    await clock.advance(999)
    expect(connection.isClosed).toBe(false)
    await clock.advance(1)
    expect(connection.isClosed).toBe(true)
    expect(upstreams.poolFor(definition, 'k')).not.toBe(pool)
  })

  test('keep it while a call is in flight', async () => {
    const made = await readyWorld({ pool: { idleMs: 1000 } })
    const definition = server({ pool: { idleMs: 1000 } })
    const answer = Promise.withResolvers<JsonObject>()
    const inFlight = call(made.upstreams.poolFor(definition, 'k'), made)
    await made.clock.advance(0)
    const connection = made.servers.last.succeed(new FakeConnection({ 'tools/call': () => answer.promise }))
    await made.clock.advance(5000)
    expect(connection.isClosed).toBe(false)
    answer.resolve({ content: [] })
    expect(await inFlight).toEqual({ content: [] })
    await made.clock.advance(2000)
    expect(connection.isClosed).toBe(true)
  })

  test('lose it when they are released, when the server is replaced, and when it is stopped', async () => {
    const made = await readyWorld()
    const { upstreams, servers, clock } = made
    servers.isReady = true
    const opened: boolean[] = []
    const use = async (key: string): Promise<void> => {
      await call(upstreams.poolFor(server(), key), made)
      opened.push(true)
    }
    await use('a')
    upstreams.release('a')
    upstreams.release('never seen')
    await clock.advance(0)
    expect(upstreams.status(KEY)?.instances).toHaveLength(1)
    await use('b')
    upstreams.replace(server())
    expect(upstreams.status(KEY)?.instances).toHaveLength(1)
    await clock.advance(0)
    await use('c')
    upstreams.update(server({ catalogTtlMs: 1000 }))
    await upstreams.stop(KEY)
    expect(opened).toHaveLength(3)
    expect(() => upstreams.poolFor(server(), 'd')).toThrow('Server sample is unavailable')
  })
})
