import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { toolServer } from './fake-connection.ts'
import { call, KEY, readyWorld, server, UNAVAILABLE, world } from './world.ts'

describe('starting many servers', () => {
  const many = Array.from({ length: 5 }, (_, i) => server({ name: `s${i}` }))

  test('happens a few at a time, and one that hangs holds up nobody for longer than its deadline', async () => {
    const { servers, upstreams, clock } = world({ startConcurrency: 2 })
    many.forEach((definition) => upstreams.start(definition))
    expect(servers.attempts.map((attempt) => attempt.server.name)).toEqual(['s0', 's1'])
    servers.last.succeed()
    await clock.advance(0)
    servers.last.succeed()
    await clock.advance(0)
    expect(servers.attempts.map((attempt) => attempt.server.name)).toEqual(['s0', 's1', 's2', 's3'])
    servers.attempts[0]?.fail('it did not open within 10000 ms')
    await clock.advance(0)
    expect(servers.last.server.name).toBe('s4')
  })

  test('leaves out what was stopped while it waited', async () => {
    const { servers, upstreams, clock } = world({ startConcurrency: 1 })
    many.forEach((definition) => upstreams.start(definition))
    await upstreams.stop('acme/s1')
    servers.last.succeed()
    await clock.advance(0)
    expect(servers.attempts.map((attempt) => attempt.server.name)).toEqual(['s0', 's2'])
  })
})

describe('a changed definition', () => {
  test('that concerns the connection starts a new one, while calls in flight finish on the old one', async () => {
    const made = await readyWorld()
    const { servers, upstreams, connection, clock } = made
    const answer = Promise.withResolvers<JsonObject>()
    connection.answers['tools/call'] = () => answer.promise
    const inFlight = call(upstreams.poolFor(server(), ''), made)
    upstreams.replace(server({ url: 'http://127.0.0.1:2/' }))
    servers.last.succeed(toolServer('new'))
    await clock.advance(0)
    expect(upstreams.status(KEY)).toMatchObject({ state: 'ready', instances: [{ id: 'sample-2' }] })
    expect(connection.isClosed).toBe(false)
    answer.resolve({ content: ['late'] })
    expect(await inFlight).toEqual({ content: ['late'] })
    await clock.advance(0)
    expect(connection.isClosed).toBe(true)
    expect(made.offers).toEqual(['acme/sample: a', 'acme/sample: new'])
    expect(made.states.slice(2)).toEqual(['acme/sample: starting', 'acme/sample: ready'])
  })

  test('that concerns anything else keeps the connection', async () => {
    const { servers, upstreams, connection, clock, offers } = await readyWorld()
    upstreams.update(server({ catalogTtlMs: 1000 }))
    await clock.advance(1000)
    expect(servers.attempts).toHaveLength(1)
    expect(connection.isClosed).toBe(false)
    expect(offers).toHaveLength(2)
  })

  test('that disables the server stops it, and the other way round starts it', async () => {
    const made = await readyWorld()
    const { upstreams, connection, clock, servers } = made
    upstreams.update(server({ enabled: false }))
    await clock.advance(0)
    expect(connection.isClosed).toBe(true)
    expect(upstreams.status(KEY)).toMatchObject({ state: 'stopped', reason: 'it is disabled' })
    expect(() => upstreams.poolFor(server(), '')).toThrow('Server sample is unavailable')
    upstreams.update(server())
    expect(servers.attempts).toHaveLength(2)
  })

  test('of a server that was unknown starts it', () => {
    const { upstreams, servers } = world()
    upstreams.update(server())
    expect(servers.attempts).toHaveLength(1)
  })
})

describe('stopping', () => {
  test('ends a connection after the drain time, whatever is in flight', async () => {
    const made = await readyWorld()
    const { upstreams, connection, clock } = made
    connection.answers['tools/call'] = () => new Promise(() => undefined)
    const pool = upstreams.poolFor(server(), '')
    void call(pool, made).catch(() => undefined)
    const stopped = upstreams.stop(KEY)
    await expect(call(pool, made)).rejects.toMatchObject(UNAVAILABLE)
    await clock.advance(4999)
    expect(connection.isClosed).toBe(false)
    await clock.advance(1)
    await stopped
    expect(connection.isClosed).toBe(true)
    expect(upstreams.status(KEY)).toBeUndefined()
  })

  test('ends an opening that is under way, and a wait for the next try', async () => {
    const { upstreams, servers, clock } = world()
    upstreams.start(server())
    await upstreams.stop(KEY)
    expect(servers.last.signal.aborted).toBe(true)
    upstreams.start(server())
    servers.last.fail('no')
    await clock.advance(0)
    await upstreams.stop(KEY)
    await clock.advance(60_000)
    expect(servers.attempts).toHaveLength(2)
  })

  test('closes a connection that opened at the same moment', async () => {
    const { upstreams, servers } = world()
    upstreams.start(server())
    const connection = servers.last.succeed()
    await upstreams.stop(KEY)
    expect(connection.isClosed).toBe(true)
  })

  test('everything does not wait for calls in flight, nor for a server that drains already', async () => {
    const made = await readyWorld()
    const options = { signal: undefined, deadlineAt: made.clock.monotonic() + 1000 }
    void made.upstreams.poolFor(server(), '').run(() => new Promise(() => undefined), options)
    const replaced = made.connection
    made.upstreams.replace(server({ headers: { a: 'b' } }))
    await made.upstreams.close()
    expect(replaced.isClosed).toBe(true)
  })

  test('everything is idempotent, and nothing starts afterwards', async () => {
    const { upstreams, connection, servers } = await readyWorld()
    await Promise.all([upstreams.close(), upstreams.close()])
    expect(connection.isClosed).toBe(true)
    expect(upstreams.statuses().size).toBe(0)
    upstreams.start(server())
    expect(servers.attempts).toHaveLength(1)
  })
})
