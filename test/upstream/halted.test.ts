import { expect, test } from '@jest/globals'
import { call, KEY, processServer, readyWorld, server, UNAVAILABLE, world, type World } from './world.ts'
import { toolServer } from './fake-connection.ts'

const stateOf = ({ upstreams }: World): unknown[] => {
  const status = upstreams.status(KEY)
  return [status?.state, status?.reason]
}

test('a halted server ends its connection, refuses calls, and nothing but an operator starts it', async () => {
  const made = await readyWorld()
  made.upstreams.halt(KEY, 'stopped')
  made.upstreams.halt(KEY, 'stopped again')
  await made.clock.advance(0)
  expect(made.connection.isClosed).toBe(true)
  expect(stateOf(made)).toEqual(['stopped', 'stopped'])
  made.upstreams.wake(KEY)
  made.upstreams.reconnect(KEY, 'a secret changed')
  made.upstreams.replace(server({ url: 'http://127.0.0.1:2/' }))
  made.upstreams.update(server({ url: 'http://127.0.0.1:2/', description: 'x' }))
  expect(() => made.upstreams.poolFor(server(), '')).toThrow(UNAVAILABLE.message)
  expect(made.servers.attempts).toHaveLength(1)
  expect(stateOf(made)).toEqual(['stopped', 'stopped'])
})

test('a halted server starts when it is resumed, under the definition that it has by then', async () => {
  const made = await readyWorld()
  made.upstreams.halt(KEY, 'stopped')
  made.upstreams.replace(server({ url: 'http://127.0.0.1:2/' }))
  made.upstreams.resume(KEY, 'started')
  made.upstreams.resume(KEY, 'started again')
  expect(made.servers.attempts).toHaveLength(2)
  made.servers.last.succeed(toolServer('a'))
  await made.clock.advance(0)
  expect(made.servers.last.server).toMatchObject({ url: 'http://127.0.0.1:2/' })
  await expect(call(made.upstreams.poolFor(server(), ''), made)).resolves.toBeDefined()
})

test('a server that is disabled and enabled again is halted no more', async () => {
  const made = await readyWorld()
  made.upstreams.halt(KEY, 'stopped')
  await made.upstreams.stop(KEY)
  made.upstreams.start(server())
  expect(made.servers.attempts).toHaveLength(2)
})

test('resuming leaves a server alone that runs, and starts one that waits for its first use', async () => {
  const made = await readyWorld()
  made.upstreams.resume(KEY, 'started')
  expect([made.connection.isClosed, made.servers.attempts.length]).toEqual([false, 1])
  const lazy = world()
  lazy.upstreams.start(server({ lifecycle: { autoStart: false } }))
  expect(lazy.servers.attempts).toHaveLength(0)
  lazy.upstreams.resume(KEY, 'started')
  expect(lazy.servers.attempts).toHaveLength(1)
})

test.each(['resume', 'restart'] as const)(
  'a failed server gets all its chances again with %s',
  async (method) => {
    const made = world()
    made.upstreams.start(processServer({ lifecycle: { maxRestarts: 1 } }))
    const fail = async (): Promise<void> => {
      made.servers.last.fail('broken')
      await made.clock.advance(0)
    }
    await fail()
    await made.clock.advance(30_000)
    await fail()
    expect(stateOf(made)[0]).toBe('failed')
    made.upstreams[method](KEY, 'an operator')
    expect(stateOf(made)[0]).toBe('starting')
    await fail()
    expect(stateOf(made)[0]).toBe('backing_off')
  },
)

test('restarting opens a new connection at once, and lets calls in flight finish on the old one', async () => {
  const made = await readyWorld()
  const { promise, resolve } = Promise.withResolvers<{ content: [] }>()
  made.connection.answers['tools/call'] = () => promise
  const answer = call(made.upstreams.poolFor(server(), ''), made)
  await made.clock.advance(0)
  made.upstreams.restart(KEY, 'an operator restarted it')
  expect(made.servers.attempts).toHaveLength(2)
  expect(made.connection.isClosed).toBe(false)
  resolve({ content: [] })
  await expect(answer).resolves.toBeDefined()
})

test('what is disabled or unknown cannot be started', () => {
  const made = world()
  made.upstreams.start(server({ enabled: false }))
  made.upstreams.resume(KEY, 'x')
  made.upstreams.restart(KEY, 'x')
  made.upstreams.restart('acme/nosuch', 'x')
  made.upstreams.halt('acme/nosuch', 'x')
  expect(made.servers.attempts).toHaveLength(0)
})
