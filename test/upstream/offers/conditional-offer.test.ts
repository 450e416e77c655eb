import { describe, expect, test } from '@jest/globals'
import type { NeedsClient } from '../../../src/upstream/discovery/discovery.ts'
import { FakeConnection, toolServer } from '../fake-connection.ts'
import { declared, GRANTED, names, shown, started } from '../looked-at.ts'
import { KEY, server, world } from '../world.ts'

function listing(lists: Record<string, object[]>): FakeConnection {
  const answers = Object.fromEntries(
    Object.entries(lists).map(([method, items]) => [
      method,
      () => ({
        [method === 'resources/templates/list' ? 'resourceTemplates' : (method.split('/')[0] ?? '')]: items,
      }),
    ]),
  )
  return new FakeConnection(answers, { tools: {}, prompts: {}, resources: {} })
}

const tool = (name: string, description = ''): object => ({
  name,
  description,
  inputSchema: { type: 'object' },
})

describe('a server that grants its clients capabilities', () => {
  test('is ready at once, and then connected once more as a client that has them all', async () => {
    const made = await started()
    expect(made.states).toEqual(['acme/sample: starting', 'acme/sample: ready'])
    expect(names(made)).toEqual(['a'])
    expect(declared(made)).toEqual([
      undefined,
      { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: { listChanged: true } },
    ])
    const second = await shown(made, toolServer('a', 'ask'))
    expect(second.isClosed).toBe(true)
    expect(names(made)).toEqual(['a', 'a (ask)'])
    expect(made.upstreams.status(KEY)?.instances).toHaveLength(1)
  })

  test('is told of no more capabilities than its document grants', async () => {
    const made = await started({ clientCapabilities: ['sampling'] })
    expect(declared(made)).toEqual([undefined, { sampling: { tools: {} } }])
  })

  test('can ask that client nothing, and tell it nothing', async () => {
    const { servers } = await started()
    const { client } = servers.last
    await expect(
      client?.ask?.('roots/list', undefined, { signal: new AbortController().signal }),
    ).rejects.toMatchObject({ code: 'client_not_reachable' })
    expect(client?.tell('notifications/message', {})).toBeUndefined()
    expect(() => {
      servers.last.events.onLost('it ended')
      servers.last.events.onListChanged('tools')
    }).not.toThrow()
  })

  test('has what only that client sees marked in every list, and all else as every client sees it', async () => {
    const made = await started(
      GRANTED,
      listing({
        'tools/list': [tool('a', 'plain'), tool('hidden from clients')],
        'prompts/list': [{ name: 'p' }],
        'resources/list': [{ name: 'r', uri: 'r://1' }],
        'resources/templates/list': [{ name: 't', uriTemplate: 't://{a}' }],
      }),
    )
    await shown(
      made,
      listing({
        'tools/list': [tool('ask'), tool('a', 'for clients')],
        'prompts/list': [{ name: 'p' }, { name: 'q' }],
        'resources/list': [
          { name: 'r', uri: 'r://2' },
          { name: 'r', uri: 'r://1' },
        ],
        'resources/templates/list': [{ name: 't', uriTemplate: 't://{b}' }],
      }),
    )
    const needsClient: NeedsClient = {
      tools: new Set(['ask']),
      prompts: new Set(['q']),
      resources: new Set(['r://2']),
      resourceTemplates: new Set(['t://{b}']),
    }
    expect(made.seen.at(-1)).toMatchObject({
      tools: [tool('a', 'plain'), tool('hidden from clients'), tool('ask')],
      prompts: [{ name: 'p' }, { name: 'q' }],
      resources: [{ uri: 'r://1' }, { uri: 'r://2' }],
      resourceTemplates: [{ uriTemplate: 't://{a}' }, { uriTemplate: 't://{b}' }],
      needsClient,
    })
  })
})

describe('there is no second connection', () => {
  test('to a server that grants nothing, or is modern, or for callers that share none', async () => {
    const nothing = await started({ clientCapabilities: [] })
    const modern = toolServer('a')
    modern.era = 'modern'
    const other = await started(GRANTED, modern)
    const isolated = await started({ clientCapabilities: [] })
    isolated.servers.isReady = true
    await isolated.upstreams
      .poolFor(server(GRANTED), 'tenant:x')
      .run(() => Promise.resolve(), { signal: undefined, deadlineAt: 1000 })
    await isolated.clock.advance(0)
    expect([nothing, other, isolated].map(({ servers }) => servers.attempts.length)).toEqual([1, 1, 2])
  })

  test('while all places for it are taken, and starts do not wait for one', async () => {
    const { upstreams, servers, clock } = world({ startConcurrency: 2 })
    for (const name of ['s0', 's1', 's2']) {
      upstreams.start(server({ ...GRANTED, name }))
      servers.last.succeed()
      await clock.advance(0)
    }
    expect(servers.attempts.map((each) => [each.server.name, each.client !== undefined])).toEqual([
      ['s0', false],
      ['s0', true],
      ['s1', false],
      ['s2', false],
    ])
    servers.attempts[1]?.succeed()
    await clock.advance(0)
    expect(servers.last).toMatchObject({ server: { name: 's1' }, client: {} })
  })

  test('until two seconds after the last of several servers has started, unless a client waits for it', async () => {
    const { upstreams, servers, clock } = world()
    for (const name of ['s0', 's1']) upstreams.start(server({ ...GRANTED, name }))
    for (const attempt of servers.attempts) attempt.succeed()
    await clock.advance(1999)
    expect(servers.attempts).toHaveLength(2)
    upstreams.look('acme/s1')
    await clock.advance(0)
    expect(servers.attempts).toHaveLength(3)
    expect(servers.last).toMatchObject({ server: { name: 's1' }, client: {} })
    await clock.advance(1)
    expect(servers.last).toMatchObject({ server: { name: 's0' }, client: {} })
  })
})

describe('a server that showed', () => {
  test('no difference is not connected a second time again, unless it is another program', async () => {
    const made = await started()
    const { servers, clock } = made
    await shown(made, toolServer('a'))
    await clock.advance(180_000)
    expect(servers.attempts).toHaveLength(2)
    servers.last.events.onListChanged('tools')
    servers.attempts[0]?.events.onLost('it ended')
    await clock.advance(500)
    await shown(made, toolServer('a'))
    expect(servers.attempts).toHaveLength(3)
    servers.last.events.onLost('it ended')
    await clock.advance(1000)
    const upgraded = toolServer('a')
    upgraded.serverInfo = { name: 'fake', version: '1' }
    await shown(made, upgraded)
    expect(declared(made).at(-1)).toBeDefined()
  })

  test('a difference is connected again at each rediscovery, and keeps the items until then', async () => {
    const made = await started()
    const { clock } = made
    await shown(made, toolServer('a', 'ask'))
    await clock.advance(60_000)
    expect(names(made)).toEqual(['a', 'a (ask)', 'a (ask)'])
    await shown(made, toolServer('a', 'ask'))
    expect(names(made)).toHaveLength(3)
    await clock.advance(60_000)
    await shown(made, toolServer('a', 'other'))
    expect(names(made).slice(3)).toEqual(['a (ask)', 'a (other)'])
    await clock.advance(60_000)
    await shown(made, toolServer('a'))
    expect(names(made).slice(5)).toEqual(['a (other)', 'a'])
    expect(made.servers.attempts).toHaveLength(5)
  })

  test('a difference is not connected again for every change that it announces', async () => {
    const first = toolServer('a')
    const made = await started(GRANTED, first)
    const { servers, clock } = made
    const plain = servers.attempts[0]
    await shown(made, toolServer('a', 'ask'))
    let lists = 0
    first.answers['tools/list'] = () => ({ tools: [tool('a', `${(lists += 1)}`)] })
    for (let i = 0; i < 20; i += 1) {
      plain?.events.onListChanged('tools')
      await clock.advance(1000)
    }
    expect(servers.attempts).toHaveLength(2)
    await clock.advance(10_000)
    plain?.events.onListChanged('tools')
    await clock.advance(1000)
    plain?.events.onListChanged('tools')
    await clock.advance(1000)
    expect(servers.attempts).toHaveLength(3)
  })

  test('an item to all clients later has it like any other', async () => {
    const plain = toolServer('a')
    const made = await started(GRANTED, plain)
    await shown(made, toolServer('a', 'ask'))
    plain.answers['tools/list'] = () => ({ tools: [tool('a'), tool('ask')] })
    await made.clock.advance(60_000)
    expect(names(made).at(-1)).toBe('a ask')
  })
})

describe('a second connection that fails', () => {
  test('changes nothing, and is tried again when the server is connected anew', async () => {
    const made = await started()
    const { servers, clock, upstreams } = made
    servers.last.fail('it cannot be reached')
    await clock.advance(120_000)
    expect(servers.attempts).toHaveLength(2)
    expect(upstreams.status(KEY)?.state).toBe('ready')
    servers.attempts[0]?.events.onLost('it ended')
    await clock.advance(500)
    await shown(made, toolServer('a'))
    await shown(made, toolServer('a', 'ask'))
    expect(names(made).at(-1)).toBe('a (ask)')
  })

  test('in its lists, or that is modern all of a sudden, is closed', async () => {
    const first = await started()
    const broken = await shown(
      first,
      new FakeConnection({ 'tools/list': () => Promise.reject(new Error('no')) }),
    )
    const second = await started()
    const modern = toolServer('a', 'ask')
    modern.era = 'modern'
    await shown(second, modern)
    expect([broken.isClosed, modern.isClosed]).toEqual([true, true])
    expect([names(first), names(second)]).toEqual([['a'], ['a']])
  })

  test('in time is ended', async () => {
    const opening = await started()
    const asked = await started()
    const silent = await shown(asked, unanswering())
    await opening.clock.advance(10_000)
    await asked.clock.advance(10_000)
    expect(opening.servers.last.signal.aborted).toBe(true)
    expect(silent.isClosed).toBe(true)
    expect([opening, asked].map(({ upstreams }) => upstreams.status(KEY)?.state)).toEqual(['ready', 'ready'])
  })

  test('with its server ends with it', async () => {
    const opening = await started()
    const asked = await started()
    const silent = await shown(asked, unanswering())
    await Promise.all([opening.upstreams.stop(KEY), asked.upstreams.close()])
    expect(opening.servers.last.signal.aborted).toBe(true)
    expect(silent.isClosed).toBe(true)
    const lost = await started()
    lost.servers.attempts[0]?.events.onLost('it ended')
    await lost.clock.advance(0)
    expect(lost.servers.last.signal.aborted).toBe(true)
  })
})

function unanswering(): FakeConnection {
  return new FakeConnection({ 'tools/list': () => new Promise(() => undefined) })
}
