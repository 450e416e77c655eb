import { expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { FakeConnection } from './fake-connection.ts'
import { KEY, server, world } from './world.ts'

const tool = (name: string): object => ({ name, inputSchema: { type: 'object' } })

/** The tools that are offered in turn by a server that has one more as soon as it has been asked. */
async function offersOf(announce: (tell: () => void) => Promise<void>): Promise<string[]> {
  const { upstreams, servers, offers, clock } = world()
  upstreams.start(server())
  const { events } = servers.last
  let lists = 0
  const connection = new FakeConnection(
    {
      'tools/list': () => ({ tools: [tool('a'), ...((lists += 1) > 1 ? [tool('b')] : [])] }),
      'resources/list': async () => {
        if (lists === 1) await announce(() => events.onListChanged('tools'))
        return { resources: [] }
      },
    },
    { tools: {}, resources: {} },
  )
  servers.last.succeed(connection)
  await clock.advance(1000)
  return offers
}

test('a change that a server announces while it is asked for the first time is asked for', async () => {
  expect(await offersOf((tell) => Promise.resolve(tell()))).toEqual(['acme/sample: a', 'acme/sample: a,b'])
})

test('a server that announces nothing is not asked again', async () => {
  expect(await offersOf(() => Promise.resolve())).toEqual(['acme/sample: a'])
})

test('a list that is slow keeps no server from being ready, and is asked for again', async () => {
  const seen: string[] = []
  const { upstreams, servers, clock } = world({
    onOffer: (_key, { tools, resources }) => seen.push(`${tools.length} and ${resources.length}`),
  })
  upstreams.start(server())
  let lists = 0
  const slow = new GatewayError('upstream_timeout')
  const connection = new FakeConnection(
    {
      'tools/list': () => ({ tools: [tool('a')] }),
      'resources/list': () =>
        (lists += 1) === 1 ? Promise.reject(slow) : { resources: [{ name: 'r', uri: 'r://1' }] },
    },
    { tools: {}, resources: {} },
  )
  servers.last.succeed(connection)
  await clock.advance(0)
  expect(seen).toEqual(['1 and 0', '1 and 1'])
  expect(upstreams.status(KEY)?.state).toBe('ready')
  await clock.advance(1000)
  expect(seen).toHaveLength(2)
})
