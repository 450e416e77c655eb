import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { type FakeConnection, sessionLost, toolServer } from './fake-connection.ts'
import { call, KEY, readyWorld, server, UNAVAILABLE, type World } from './world.ts'

/** Makes a connection answer every call as a server does that has forgotten its sessions. */
function forget(connection: FakeConnection): void {
  connection.answers['tools/call'] = () => {
    throw sessionLost()
  }
}

function calls(connection: FakeConnection): number {
  return connection.requests.filter(({ method }) => method === 'tools/call').length
}

function callShared(made: World, options?: Parameters<typeof call>[2]): Promise<JsonObject> {
  return call(made.upstreams.poolFor(server(), ''), made, options)
}

/** What a promise rejects with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}

describe('a server that has forgotten the session', () => {
  test('is connected anew at once, and the call that noticed it runs there', async () => {
    const made = await readyWorld()
    const { servers, clock, connection, states, upstreams } = made
    forget(connection)
    const answer = callShared(made)
    await clock.advance(0)
    expect(servers.attempts).toHaveLength(2)
    servers.last.succeed(toolServer('b'))
    expect(await answer).toEqual({ content: [] })
    expect(states.slice(2)).toEqual(['acme/sample: starting (its session has ended)', 'acme/sample: ready'])
    expect(made.offers).toEqual(['acme/sample: a', 'acme/sample: b'])
    expect(upstreams.status(KEY)?.instances[0]).toMatchObject({ id: 'sample-1', state: 'ready' })
  })

  test('is connected anew once for all calls that notice it, and for those that come meanwhile', async () => {
    const made = await readyWorld()
    const { servers, clock, connection } = made
    const late = Promise.withResolvers<JsonObject>()
    const answers = [
      () => Promise.reject(sessionLost()),
      () => Promise.reject(sessionLost()),
      () => late.promise,
    ]
    connection.answers['tools/call'] = () => answers.shift()?.() ?? Promise.reject(new Error('unexpected'))
    const noticed = [callShared(made), callShared(made), callShared(made)]
    await clock.advance(0)
    const meanwhile = callShared(made)
    servers.attempts[0]?.events.onLost('its session has ended', 'session')
    await clock.advance(0)
    const other = servers.last.succeed()
    await clock.advance(0)
    late.reject(sessionLost())
    expect(await Promise.all([...noticed, meanwhile])).toHaveLength(4)
    expect(servers.attempts).toHaveLength(2)
    expect(calls(other)).toBe(4)
  })

  test('is connected anew at once also when no call noticed it', async () => {
    const made = await readyWorld()
    const { servers, clock, states } = made
    servers.last.events.onLost('its session has ended', 'session')
    await clock.advance(0)
    servers.last.succeed()
    await clock.advance(0)
    expect(states.at(-1)).toBe('acme/sample: ready')
  })

  test('is connected anew when it says so while it is asked what it offers', async () => {
    const { servers, clock, connection } = await readyWorld({ catalogTtlMs: 60_000 })
    connection.answers['tools/list'] = () => {
      throw sessionLost()
    }
    await clock.advance(60_000)
    expect(servers.attempts).toHaveLength(2)
  })

  test('keeps the old connection for a second, in which calls learn that they have not run', async () => {
    const made = await readyWorld()
    const { servers, clock, connection } = made
    forget(connection)
    servers.isReady = true
    await callShared(made)
    await clock.advance(999)
    expect(connection.isClosed).toBe(false)
    await clock.advance(1)
    expect(connection.isClosed).toBe(true)
  })

  test('does not hold up the end: the old connection is closed with the server', async () => {
    const made = await readyWorld()
    const { servers, upstreams, connection } = made
    forget(connection)
    servers.isReady = true
    await callShared(made)
    await upstreams.close()
    expect(connection.isClosed).toBe(true)
  })

  test('spends none of its restarts', async () => {
    const made = await readyWorld({ lifecycle: { maxRestarts: 0, restartOnFailure: false } })
    const { servers, clock, upstreams, connection } = made
    servers.isReady = true
    forget(connection)
    await callShared(made)
    await clock.advance(10_000)
    servers.last.events.onLost('its session has ended', 'session')
    await clock.advance(0)
    expect(upstreams.status(KEY)).toMatchObject({ state: 'ready', instances: [{ restarts: 2 }] })
  })
})

describe('a server that forgets every session at once', () => {
  test('is called twice at most, and then waits as after every other failure', async () => {
    const made = await readyWorld()
    const { servers, clock, connection, upstreams } = made
    forget(connection)
    const failure = failureOf(callShared(made))
    await clock.advance(0)
    const second = toolServer()
    forget(second)
    servers.last.succeed(second)
    expect(await failure).toMatchObject(UNAVAILABLE)
    expect([calls(connection), calls(second)]).toEqual([1, 1])
    expect(upstreams.status(KEY)).toMatchObject({ state: 'backing_off', reason: 'its session has ended' })
    await expect(callShared(made)).rejects.toMatchObject({ facts: { retryAfterMs: 375 } })
    expect(servers.attempts).toHaveLength(2)
    await clock.advance(375)
    expect(servers.attempts).toHaveLength(3)
  })

  test('fails the call when it cannot be connected again, without a second run', async () => {
    const made = await readyWorld()
    const { servers, clock, connection } = made
    forget(connection)
    const failure = failureOf(callShared(made))
    await clock.advance(0)
    servers.last.fail('it cannot be reached')
    expect(await failure).toMatchObject({ ...UNAVAILABLE, facts: { retryAfterMs: 375 } })
    expect(calls(connection)).toBe(1)
  })
})

describe('a call whose session was lost', () => {
  test('waits for the new one no longer than its deadline or its caller', async () => {
    const made = await readyWorld()
    const { servers, clock, connection } = made
    forget(connection)
    const controller = new AbortController()
    const late = failureOf(callShared(made, { ms: 300 }))
    const gone = failureOf(callShared(made, { signal: controller.signal }))
    await clock.advance(0)
    controller.abort()
    await clock.advance(300)
    expect(await late).toMatchObject(UNAVAILABLE)
    expect(await gone).toMatchObject({ code: 'cancelled', facts: { mayHaveExecuted: false } })
    expect(servers.attempts).toHaveLength(2)
  })

  test('is not run again when it may have run, or when the server is on its way out', async () => {
    const made = await readyWorld()
    const { servers, clock, connection, upstreams } = made
    connection.answers['tools/call'] = () => Promise.reject(new Error('broken'))
    await expect(callShared(made)).rejects.toThrow('broken')
    const answer = Promise.withResolvers<JsonObject>()
    connection.answers['tools/call'] = () => answer.promise
    const failure = failureOf(callShared(made))
    const stopped = upstreams.stop(KEY)
    answer.reject(sessionLost())
    expect(await failure).toMatchObject(UNAVAILABLE)
    await clock.advance(0)
    await stopped
    expect(servers.attempts).toHaveLength(1)
  })
})
