import { describe, expect, test } from '@jest/globals'
import { toolServer } from './fake-connection.ts'
import { declared, GRANTED, names, type Seen, shown, started } from './looked-at.ts'
import { KEY, processServer, world } from './world.ts'

describe('a server that has one process', () => {
  const ONE = { ...GRANTED, transport: 'stdio' }

  test('has a second one only once a client has come that could see a difference', async () => {
    const made = await started(ONE)
    await made.clock.advance(120_000)
    expect(made.servers.attempts).toHaveLength(1)
    made.upstreams.look(KEY)
    await made.clock.advance(0)
    expect(declared(made)).toEqual([
      undefined,
      { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: { listChanged: true } },
    ])
    await shown(made, toolServer('a', 'ask'))
    expect(names(made).at(-1)).toBe('a (ask)')
  })

  test('has it at once where a client came before the server was there', async () => {
    const made = world({ onOffer: () => undefined })
    made.upstreams.start(processServer(ONE))
    made.upstreams.look(KEY)
    made.servers.last.succeed(toolServer('a'))
    await made.clock.advance(0)
    expect(made.servers.attempts).toHaveLength(2)
  })

  test('has it again while clients come, and not without', async () => {
    const made = await started(ONE)
    made.upstreams.look(KEY)
    await made.clock.advance(0)
    await shown(made, toolServer('a', 'ask'))
    await made.clock.advance(120_000)
    expect(made.servers.attempts).toHaveLength(2)
    made.upstreams.look(KEY)
    await made.clock.advance(0)
    expect(made.servers.attempts).toHaveLength(3)
  })

  test.each([
    ['failed', (made: Seen) => made.servers.last.fail('the port is taken')],
    ['ended the first', (made: Seen) => made.servers.attempts[0]?.events.onLost('it ended')],
  ])('never has it again where it %s', async (_what, happens) => {
    const made = await started(ONE)
    const { clock, servers, upstreams } = made
    upstreams.look(KEY)
    await clock.advance(0)
    happens(made)
    await clock.advance(0)
    if (upstreams.status(KEY)?.state === 'ready') servers.attempts[0]?.events.onLost('it ended')
    await clock.advance(1000)
    await shown(made, toolServer('a'))
    upstreams.look(KEY)
    await clock.advance(120_000)
    expect(servers.attempts).toHaveLength(3)
    expect(upstreams.status(KEY)?.state).toBe('ready')
  })

  test('may have others where its document allows more', async () => {
    const made = await started({ ...ONE, pool: { max: 2 } })
    expect(made.servers.attempts).toHaveLength(2)
  })
})
