import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../../src/domain/json/json.ts'
import { type FakeConnection, sessionLost, toolServer, upstreamError } from '../../fake-connection.ts'
import { KEY, readyWorld, server, UNAVAILABLE, type World, world } from '../../world.ts'

// In each turn of the event loop so many are told.
beforeEach(() => setImmediate())

interface WatchOptions {
  readonly key?: string
  readonly ms?: number
  readonly signal?: AbortSignal
}

/** Watches a resource; what its watcher is told is collected in `told`. */
function watch(
  { upstreams, clock }: World,
  uri: string,
  told: JsonObject[] = [],
  { key = '', ms = 1000, signal }: WatchOptions = {},
): Promise<() => void> {
  return upstreams
    .poolFor(server(), key)
    .watchResource(uri, (params) => void told.push(params), { signal, deadlineAt: clock.monotonic() + ms })
}

/** The connection of a server that is lost, and back within half a second. */
async function reconnected(made: World, next: FakeConnection = toolServer()): Promise<FakeConnection> {
  made.servers.last.events.onLost('it ended')
  await made.clock.advance(500)
  made.servers.last.succeed(next)
  await made.clock.advance(0)
  return next
}

/** Makes a server refuse to have some resources watched. */
function refusing(connection: FakeConnection, ...refused: string[]): FakeConnection {
  connection.agree = (uris) =>
    refused.some((uri) => uris.has(uri)) ? Promise.reject(upstreamError(-32_002)) : Promise.resolve()
  return connection
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}

function announce(made: World, uri: string): void {
  made.servers.last.events.onResourceUpdated?.({ uri, x: 1 })
}

describe('a watched resource', () => {
  test('is asked for once, whoever watches it, until the last one has gone', async () => {
    const made = await readyWorld()
    const { connection, clock } = made
    const first = await watch(made, 'a://1')
    const second = await watch(made, 'a://1')
    const other = await watch(made, 'a://2')
    expect(connection.watched).toEqual([['a://1'], ['a://1', 'a://2']])
    first()
    first()
    await clock.advance(0)
    expect(connection.watched).toHaveLength(2)
    second()
    await clock.advance(0)
    expect(connection.watched.at(-1)).toEqual(['a://2'])
    other()
    await clock.advance(0)
    expect(connection.watched.at(-1)).toEqual([])
  })

  test('is asked for once by watchers that come at the same time', async () => {
    const made = await readyWorld()
    await Promise.all([watch(made, 'a://1'), watch(made, 'a://1'), watch(made, 'a://1')])
    expect(made.connection.watched).toEqual([['a://1']])
  })

  test('is let go of in one request with others, and stays when it is wanted again meanwhile', async () => {
    const made = await readyWorld()
    const { connection, clock } = made
    const releases = [await watch(made, 'a://1'), await watch(made, 'a://2'), await watch(made, 'a://3')]
    for (const release of releases) release()
    await watch(made, 'a://3')
    await clock.advance(0)
    expect(connection.watched.slice(3)).toEqual([['a://3']])
  })

  test('tells those who watch it, from the moment they ask for it', async () => {
    const made = await readyWorld()
    const told: JsonObject[] = []
    const others: JsonObject[] = []
    made.connection.agree = () => {
      announce(made, 'a://1')
      return Promise.resolve()
    }
    const release = await watch(made, 'a://1', told)
    await watch(made, 'b://1', others)
    announce(made, 'a://1')
    release()
    announce(made, 'a://1')
    expect(told).toEqual([
      { uri: 'a://1', x: 1 },
      { uri: 'a://1', x: 1 },
      { uri: 'a://1', x: 1 },
    ])
    expect(others).toEqual([])
  })

  test('tells of its parts, and not of what merely has a name that begins alike', async () => {
    const made = await readyWorld()
    const folder: JsonObject[] = []
    const slash: JsonObject[] = []
    await watch(made, 'a://x', folder)
    await watch(made, 'a://x/', slash)
    for (const uri of ['a://x', 'a://x/1', 'a://x1', 'a://x/', 'a:', 'b://x/1']) announce(made, uri)
    made.servers.last.events.onResourceUpdated?.({ uri: 7 })
    made.servers.last.events.onResourceUpdated?.({})
    expect(folder.map(({ uri }) => uri)).toEqual(['a://x', 'a://x/1', 'a://x/'])
    expect(slash.map(({ uri }) => uri)).toEqual(['a://x/1', 'a://x/'])
  })
})

describe('a resource that cannot be watched', () => {
  test('is refused to the one who asked, and what is watched already stays', async () => {
    const made = await readyWorld()
    const { connection, clock } = made
    const told: JsonObject[] = []
    await watch(made, 'a://1', told)
    refusing(connection, 'bad://1')
    const outcomes = await Promise.all([
      failureOf(watch(made, 'bad://1')),
      failureOf(watch(made, 'bad://1')),
      failureOf(watch(made, 'a://2')),
    ])
    await clock.advance(0)
    expect(outcomes).toMatchObject([
      { code: 'upstream_error', facts: { upstream: { code: -32_002 } } },
      { code: 'upstream_error' },
      expect.any(Function),
    ])
    expect(connection.watched.at(-1)).toEqual(['a://1', 'a://2'])
    announce(made, 'a://1')
    expect(told).toHaveLength(1)
  })

  test('because the server is down fails, unless others watch it already', async () => {
    const made = await readyWorld()
    const told: JsonObject[] = []
    await watch(made, 'a://1')
    made.servers.last.events.onLost('it ended')
    expect(await failureOf(watch(made, 'a://2'))).toMatchObject(UNAVAILABLE)
    await watch(made, 'a://1', told)
    await made.clock.advance(500)
    made.servers.last.succeed()
    await made.clock.advance(0)
    expect(told).toEqual([{ uri: 'a://1' }])
  })

  test('before the connection was lost is asked for again over the next one, though the server agreed', async () => {
    const made = await readyWorld()
    const answer = Promise.withResolvers<void>()
    made.connection.agree = () => answer.promise
    const watching = watch(made, 'a://1')
    await made.clock.advance(0)
    const next = await reconnected(made)
    expect(next.watched).toEqual([])
    answer.resolve()
    expect(await watching).toEqual(expect.any(Function))
    expect(next.watched).toEqual([['a://1']])
  })

  test('within the deadline, or before its caller goes away, is given up and let go of', async () => {
    const made = await readyWorld()
    const { connection, clock } = made
    const controller = new AbortController()
    const answer = Promise.withResolvers<void>()
    connection.agree = () => answer.promise
    const late = failureOf(watch(made, 'a://1', [], { ms: 300 }))
    const gone = failureOf(watch(made, 'a://2', [], { signal: controller.signal }))
    controller.abort()
    await clock.advance(300)
    expect(await late).toMatchObject({
      code: 'upstream_timeout',
      message: 'Server sample did not respond in time',
      facts: { server: 'sample' },
    })
    expect(await gone).toMatchObject({ code: 'cancelled' })
    answer.resolve()
    await clock.advance(0)
    expect(connection.watched).toEqual([['a://1'], []])
  })

  test('for nobody any more when the server has started is not asked for', async () => {
    const made = world()
    made.upstreams.start(server())
    const late = failureOf(watch(made, 'a://1', [], { ms: 300 }))
    await made.clock.advance(300)
    const connection = made.servers.last.succeed()
    await made.clock.advance(0)
    expect(await late).toMatchObject(UNAVAILABLE)
    expect(connection.watched).toEqual([])
  })
})

describe('after a reconnect', () => {
  test('all is watched again, and every watcher is told once that it may have missed something', async () => {
    const made = await readyWorld()
    const one: JsonObject[] = []
    const two: JsonObject[] = []
    await watch(made, 'a://1', one)
    await watch(made, 'a://1', one)
    await watch(made, 'a://2', two)
    const next = await reconnected(made)
    expect(next.watched).toEqual([['a://1', 'a://2']])
    expect([one, two]).toEqual([[{ uri: 'a://1' }, { uri: 'a://1' }], [{ uri: 'a://2' }]])
    announce(made, 'a://2')
    expect(two).toHaveLength(2)
  })

  test('what is refused now does not stand in the way of the rest, and is tried again', async () => {
    const made = await readyWorld()
    const one: JsonObject[] = []
    const two: JsonObject[] = []
    await watch(made, 'a://1', one)
    await watch(made, 'a://2', two)
    const next = await reconnected(made, refusing(toolServer(), 'a://1'))
    expect([one, two]).toEqual([[], [{ uri: 'a://2' }]])
    refusing(next)
    await made.clock.advance(500)
    expect(next.watched.at(-1)).toEqual(['a://2', 'a://1'])
    expect([one, two]).toEqual([[{ uri: 'a://1' }], [{ uri: 'a://2' }]])
    const asked = next.watched.length
    await made.clock.advance(60_000)
    expect(next.watched).toHaveLength(asked)
  })

  test('a server that does not answer is asked again, until it is lost', async () => {
    const made = await readyWorld()
    const told: JsonObject[] = []
    const release = await watch(made, 'a://1', told)
    const broken = toolServer()
    broken.agree = () => Promise.reject(new Error('no response'))
    await reconnected(made, broken)
    await made.clock.advance(60_000)
    expect(broken.watched.length).toBeGreaterThan(3)
    const last = await reconnected(made)
    const asked = broken.watched.length
    await made.clock.advance(60_000)
    expect(broken.watched).toHaveLength(asked)
    expect(last.watched).toEqual([['a://1']])
    expect(told).toEqual([{ uri: 'a://1' }])
    release()
    await made.clock.advance(0)
    await reconnected(made)
    expect(made.clock.pending).toBe(2)
  })

  test('a session that was lost while a watch was asked for is opened anew, and the watch asked for again', async () => {
    const made = await readyWorld()
    const { connection, clock, servers } = made
    const told: JsonObject[] = []
    await watch(made, 'a://1', told)
    connection.agree = () => Promise.reject(sessionLost())
    const second = watch(made, 'a://2')
    await clock.advance(0)
    const next = servers.last.succeed()
    expect(await second).toEqual(expect.any(Function))
    expect(next.watched).toEqual([['a://1'], ['a://1', 'a://2']])
    expect(told).toEqual([{ uri: 'a://1' }])
  })
})

describe('what is watched', () => {
  test('goes on when the definition is replaced, over the connections that it leads to', async () => {
    const made = await readyWorld()
    const { servers, upstreams, clock } = made
    const shared: JsonObject[] = []
    const own: JsonObject[] = []
    await watch(made, 'a://1', shared)
    servers.isReady = true
    const release = await watch(made, 'a://2', own, { key: 'tenant:x' })
    upstreams.replace(server({ headers: { a: 'b' } }))
    await clock.advance(0)
    expect([shared, own]).toEqual([[{ uri: 'a://1' }], [{ uri: 'a://2' }]])
    expect(upstreams.status(KEY)?.instances.map(({ state }) => state)).toEqual(['ready', 'ready'])
    release()
    upstreams.reconnect(KEY, 'again')
    await clock.advance(0)
    expect(shared).toHaveLength(2)
    expect(upstreams.status(KEY)?.instances).toHaveLength(1)
  })

  test('ends for a client whose server may not ask it for the same things any more', async () => {
    const made = await readyWorld({ clientCapabilities: ['roots'] })
    const { servers, upstreams, clock } = made
    servers.isReady = true
    const side = { capabilities: { roots: {} }, logLevel: undefined, tell: () => undefined }
    const options = { signal: undefined, deadlineAt: clock.monotonic() + 1000 }
    await upstreams.poolFor(server(), 'session:1', side).watchResource('a://1', () => undefined, options)
    upstreams.reconnect(KEY, 'again')
    await clock.advance(0)
    expect(servers.attempts.filter(({ client }) => client === side)).toHaveLength(2)
    const asked = servers.attempts.length
    upstreams.replace(server({ clientCapabilities: [] }))
    await clock.advance(0)
    expect(servers.attempts.slice(asked).map(({ client }) => client)).toEqual([undefined])
  })

  test('keeps a connection that is otherwise idle', async () => {
    const definition = server({ pool: { idleMs: 1000 } })
    const made = await readyWorld({ pool: { idleMs: 1000 } })
    const { upstreams, servers, clock } = made
    servers.isReady = true
    const pool = upstreams.poolFor(definition, 'session:1')
    const release = await pool.watchResource('a://1', () => undefined, {
      signal: undefined,
      deadlineAt: clock.monotonic() + 1000,
    })
    await clock.advance(5500)
    release()
    await clock.advance(999)
    expect(upstreams.poolFor(definition, 'session:1')).toBe(pool)
    await clock.advance(1)
    expect(upstreams.poolFor(definition, 'session:1')).not.toBe(pool)
  })
})
