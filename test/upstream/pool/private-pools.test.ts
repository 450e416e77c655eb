import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import type { ClientSide } from '../../../src/upstream/messages/client-side.ts'
import type { Pool } from '../../../src/upstream/pool/pool.ts'
import { principal } from '../../support/offers.ts'
import { FakeConnection, toolServer } from '../fake-connection.ts'
import { call, KEY, readyWorld, server, type World, world } from '../world.ts'

function client(capabilities: JsonObject = { sampling: {} }): ClientSide {
  return { capabilities, logLevel: undefined, tell: () => undefined }
}

/** A world with a ready server where at most two clients have connections of their own. */
async function crowded(definition: ServerDefinition = server()): Promise<World> {
  const made = world({ maxOwnPools: 2 })
  made.servers.isReady = true
  made.upstreams.start(definition)
  await made.clock.advance(0)
  return made
}

/** Instances of the server, without the shared one. */
function instances({ upstreams }: World): string[] {
  return (upstreams.status(KEY)?.instances ?? []).slice(1).map(({ id }) => id)
}

async function isCollected(reference: WeakRef<Pool>): Promise<boolean> {
  setFlagsFromString('--expose-gc')
  for (let turn = 0; turn < 10 && reference.deref() !== undefined; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    runInNewContext('gc()')
  }
  return reference.deref() === undefined
}

describe('a client with a connection of its own', () => {
  test('is made known to the server, and nobody else is', async () => {
    const made = await readyWorld()
    const { upstreams, servers } = made
    servers.isReady = true
    const ann = client()
    const pool = upstreams.poolFor(server(), 'session:1', ann)
    await call(pool, made)
    expect(servers.attempts.map((attempt) => attempt.client)).toEqual([undefined, ann])
    expect(upstreams.poolFor(server(), 'session:1', client())).toBe(pool)
    await call(upstreams.poolFor(server(), 'session:2'), made)
    expect(servers.last.client).toBeUndefined()
    await call(upstreams.poolFor(server(), '', ann), made)
    expect(servers.attempts).toHaveLength(3)
  })

  test('is made known again when the connection is opened anew', async () => {
    const made = await readyWorld()
    const { upstreams, servers, clock } = made
    servers.isReady = true
    const ann = client()
    await call(upstreams.poolFor(server(), 'session:1', ann), made)
    servers.last.events.onLost('it ended')
    await clock.advance(500)
    expect(servers.attempts.map((attempt) => attempt.client)).toEqual([undefined, ann, ann])
  })

  test('loses it when it is idle, when it is gone, and when the definition is replaced', async () => {
    const definition = server({ pool: { idleMs: 1000 } })
    const made = await readyWorld({ pool: { idleMs: 1000 } })
    const { upstreams, servers, clock } = made
    servers.isReady = true
    const closed: boolean[] = []
    const use = async (key: string): Promise<FakeConnection> => {
      servers.isReady = false
      const used = call(upstreams.poolFor(definition, key, client()), made)
      await clock.advance(0)
      const connection = servers.last.succeed()
      await used
      return connection
    }
    const idle = await use('session:1')
    await clock.advance(1000)
    closed.push(idle.isClosed)
    const gone = await use('session:2')
    upstreams.release('session:2')
    await clock.advance(0)
    closed.push(gone.isClosed)
    const old = await use('session:3')
    upstreams.replace(definition)
    await clock.advance(0)
    closed.push(old.isClosed)
    expect(closed).toEqual([true, true, true])
  })
})

describe('one client more than there are places for', () => {
  test('takes the place of the one that has not used its own for the longest time', async () => {
    const made = await crowded()
    const { upstreams, clock } = made
    const use = async (key: string): Promise<Pool> => {
      const pool = upstreams.poolFor(server(), key, client())
      await call(pool, made)
      await clock.advance(10)
      return pool
    }
    const first = await use('session:1')
    const second = await use('session:2')
    await use('session:1')
    await use('session:3')
    expect(instances(made)).toEqual(['sample-2', 'sample-4'])
    expect(upstreams.poolFor(server(), 'session:1', client())).toBe(first)
    expect(upstreams.poolFor(server(), 'session:2', client())).not.toBe(second)
  })

  test('is refused while all others are in use, also by watching a resource', async () => {
    const made = await crowded()
    const { upstreams, clock } = made
    const busy = upstreams.poolFor(server(), 'session:1', client())
    void busy.run(() => new Promise(() => undefined), { signal: undefined, deadlineAt: 1000 })
    const watching = upstreams.poolFor(server(), 'session:2', client())
    const release = await watching.watchResource('a://b', () => undefined, {
      signal: undefined,
      deadlineAt: clock.monotonic() + 1000,
    })
    expect(() => upstreams.poolFor(server(), 'session:3', client())).toThrow(
      expect.objectContaining({
        code: 'upstream_unavailable',
        message: 'Server sample has reached its limit of separate client connections',
        facts: { server: 'sample', mayHaveExecuted: false, retryAfterMs: 1000 },
      }),
    )
    expect(upstreams.poolFor(server(), 'session:1', client())).toBe(busy)
    release()
    expect(upstreams.poolFor(server(), 'session:3', client())).not.toBe(watching)
    expect(instances(made)).toEqual(['sample-2', 'sample-4'])
  })

  test('does not count callers that merely share no connection', async () => {
    const made = await crowded()
    for (const key of ['a', 'b', 'c', 'd']) await call(made.upstreams.poolFor(server(), key), made)
    expect(instances(made)).toHaveLength(4)
    await call(made.upstreams.poolFor(server(), 'session:1', client()), made)
    expect(instances(made)).toHaveLength(5)
  })
})

describe('callers that share a server for all tenants', () => {
  const forAll = server({ tenantId: '*', sharing: 'session' })
  const ann = principal({ tenantId: 'acme', subject: 'ann' })
  const bob = principal({ tenantId: 'acme', subject: 'bob' })
  const eve = principal({ tenantId: 'other', subject: 'eve' })

  async function shared(): Promise<{ made: World; use: (key: string, owner: Principal) => Promise<Pool> }> {
    const made = world({ maxOwnPools: 8 })
    made.servers.isReady = true
    made.upstreams.start(forAll)
    await made.clock.advance(0)
    const use = async (key: string, owner: Principal): Promise<Pool> => {
      const pool = made.upstreams.poolFor(forAll, key, client(), owner)
      await call(pool, made)
      await made.clock.advance(10)
      return pool
    }
    return { made, use }
  }

  function keep(pool: Pool): void {
    void pool.run(() => new Promise(() => undefined), { signal: undefined, deadlineAt: 1_000_000 })
  }

  test('cannot take more than a quarter of the places with one tenant, whoever of it asks', async () => {
    const { made, use } = await shared()
    keep(await use('session:1', ann))
    keep(await use('session:2', ann))
    for (const owner of [ann, bob]) {
      expect(() => made.upstreams.poolFor(forAll, 'session:3', client(), owner)).toThrow(
        'Server sample has reached its limit of separate client connections',
      )
    }
    expect(await use('session:4', eve)).toBeDefined()
  })

  test('lose their unused places to the same user first, then to the same tenant', async () => {
    const { made, use } = await shared()
    const pools = [await use('session:1', bob), await use('session:2', ann)]
    await use('session:3', ann)
    expect(made.upstreams.poolFor(forAll, 'session:1', client(), bob)).toBe(pools[0])
    await use('session:4', principal({ tenantId: 'acme', subject: 'dan' }))
    expect(made.upstreams.poolFor(forAll, 'session:3', client(), ann)).not.toBe(pools[1])
  })

  test('count also where they have a process of their own without a session', async () => {
    const { made } = await shared()
    for (const key of ['session:a', 'session:b', 'session:c'])
      await call(made.upstreams.poolFor(forAll, key, undefined, ann), made)
    expect(
      made.upstreams
        .status('*/sample')
        ?.instances.slice(1)
        .map(({ id }) => id),
    ).toEqual(['sample-3', 'sample-4'])
  })
})

test('a server that is replaced again and again keeps nothing of what it was', async () => {
  const made = await readyWorld()
  made.servers.isReady = true
  const gone = new WeakRef(made.upstreams.poolFor(server(), ''))
  for (let turn = 0; turn < 3; turn += 1) {
    made.upstreams.replace(server())
    await made.clock.advance(10_000)
  }
  // These are what the test itself keeps.
  made.servers.attempts.length = 0
  expect(await isCollected(gone)).toBe(true)
})

describe('a notification of a client', () => {
  test('goes to the servers that are connected for it, and that were told it may come', async () => {
    const made = await readyWorld({ name: 'sample' })
    const { upstreams, servers, clock, connection } = made
    upstreams.start(server({ name: 'other' }))
    servers.last.succeed()
    await clock.advance(0)
    const use = async (name: string, key: string, capabilities?: JsonObject): Promise<FakeConnection> => {
      const own = capabilities && client(capabilities)
      const used = call(upstreams.poolFor(server({ name }), key, own), made)
      await clock.advance(0)
      const opened = servers.last.succeed()
      await used
      return opened
    }
    const granted = await use('sample', 'session:1', { roots: { listChanged: true } })
    const notGranted = await use('other', 'session:1', { sampling: {} })
    const stranger = await use('sample', 'session:2', { roots: {} })
    const nobody = await use('sample', 'session:3')
    for (const key of ['session:1', 'session:3', '', 'unknown'])
      upstreams.tell(key, 'notifications/roots/list_changed', undefined)
    expect(granted.notified).toEqual([{ method: 'notifications/roots/list_changed', params: undefined }])
    upstreams.tell('session:1', 'notifications/x', { a: 1 })
    expect(notGranted.notified).toEqual([{ method: 'notifications/x', params: { a: 1 } }])
    expect([stranger, nobody, connection].flatMap(({ notified }) => notified)).toEqual([])
  })

  test('is lost while the server is not connected', async () => {
    const made = await readyWorld()
    made.upstreams.poolFor(server(), 'session:1', client())
    expect(() => made.upstreams.tell('session:1', 'notifications/x', undefined)).not.toThrow()
    expect(made.servers.attempts).toHaveLength(1)
  })
})

describe('what a server said of itself', () => {
  test('is not known before it was connected, and is kept while it is connected anew', async () => {
    const { upstreams, servers, clock } = world()
    upstreams.start(server())
    expect([upstreams.eraOf(KEY), upstreams.capabilitiesOf(KEY)]).toEqual([undefined, {}])
    servers.last.succeed(toolServer('a'))
    await clock.advance(0)
    const known = ['legacy', { tools: {} }]
    expect([upstreams.eraOf(KEY), upstreams.capabilitiesOf(KEY)]).toEqual(known)
    servers.last.events.onLost('it ended')
    await clock.advance(0)
    expect([upstreams.eraOf(KEY), upstreams.capabilitiesOf(KEY)]).toEqual(known)
    upstreams.replace(server({ headers: { a: 'b' } }))
    expect([upstreams.eraOf(KEY), upstreams.capabilitiesOf(KEY)]).toEqual(known)
    const modern = new FakeConnection({}, { prompts: {} })
    modern.era = 'modern'
    servers.last.succeed(modern)
    await clock.advance(0)
    expect([upstreams.eraOf(KEY), upstreams.capabilitiesOf(KEY)]).toEqual(['modern', { prompts: {} }])
    await upstreams.stop(KEY)
    expect([upstreams.eraOf(KEY), upstreams.capabilitiesOf(KEY)]).toEqual([undefined, {}])
  })
})
