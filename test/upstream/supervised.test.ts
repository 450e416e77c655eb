import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { systemClock } from '../../src/domain/clock.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { createConnector } from '../../src/upstream/connection/connect.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { Upstreams } from '../../src/upstream/upstreams.ts'
import { eventually } from '../support/eventually.ts'
import { descendantsOf, isAlive } from '../support/process-tree.ts'
import { definitionOf, programOf } from '../support/server-definitions.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { type RelayedServer, relayedServer } from '../support/stdio-relay.ts'
import { legacyHttp } from '../support/upstreams/sample-http.ts'
import { servingSample } from '../support/upstreams/stdio-servers.ts'
import { callTool, textOf } from './connection/connecting.ts'

type Eras = 'legacy' | 'modern' | 'both'

let relayed: Record<Eras, RelayedServer>
beforeAll(async () => {
  relayed = {
    legacy: await relayedServer(servingSample('legacy')),
    modern: await relayedServer(servingSample('modern')),
    both: await relayedServer(servingSample('both')),
  }
})
afterAll(async () => {
  await Promise.all(Object.values(relayed).map((server) => server.close()))
})

/** The sample server as a process. */
function sample(eras: Eras, fields: Record<string, unknown> = {}): ServerDefinition {
  return definitionOf({ ...relayed[eras].document, ...fields })
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

function supervised(): { upstreams: Upstreams; offers: Map<string, Offer> } {
  const offers = new Map<string, Offer>()
  const upstreams = new Upstreams({
    connect: createConnector({
      clientInfo: { name: 'tool-gateway', version: '0' },
      maxMessageBytes: 4_000_000,
      dataDir: '/nonexistent',
      logger: silentLogger,
    }),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    startConcurrency: 2,
    connectTimeoutMs: 10_000,
    drainTimeoutMs: 2000,
    onOffer: (key, offer) => offers.set(key, offer),
    onState: () => undefined,
  })
  closers.push(() => upstreams.close())
  return { upstreams, offers }
}

const isReady = (upstreams: Upstreams, key: string): boolean => upstreams.status(key)?.state === 'ready'

function run(upstreams: Upstreams, server: ServerDefinition, tool: string, args = {}): Promise<string> {
  return upstreams
    .poolFor(server, '')
    .run(async (connection) => textOf(await callTool(connection, tool, args)), {
      signal: undefined,
      deadlineAt: performance.now() + 10_000,
    })
}

test('a killed server fails its call in flight at once, others go on, and it is back within seconds', async () => {
  const { upstreams } = supervised()
  const victim = sample('both', { name: 'victim' })
  const other = sample('legacy', { name: 'other' })
  upstreams.start(victim)
  upstreams.start(other)
  await eventually(() => isReady(upstreams, 'acme/victim') && isReady(upstreams, 'acme/other'))
  const pid = upstreams.status('acme/victim')?.instances[0]?.pid ?? 0
  const held = run(upstreams, victim, 'hold')
  process.kill(pid, 'SIGKILL')
  await expect(held).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: 'Server victim is unavailable',
    facts: { server: 'victim', mayHaveExecuted: true },
  })
  expect(await run(upstreams, other, 'echo', { a: 1 })).toBe('{"a":1}')
  await eventually(() => isReady(upstreams, 'acme/victim'))
  expect(await run(upstreams, victim, 'echo')).toBe('{}')
  expect(upstreams.status('acme/victim')?.instances[0]?.pid).not.toBe(pid)
})

test('servers that hang at their start do not hold up others', async () => {
  const { upstreams } = supervised()
  const hung = ['a', 'b', 'c'].map((name) => programOf('raw-stdio.ts', ['silent'], { name, era: 'legacy' }))
  hung.forEach((server) => upstreams.start(server))
  upstreams.start(sample('legacy', { name: 'good', era: 'legacy' }))
  await eventually(() => isReady(upstreams, 'acme/good'), { timeoutMs: 60_000 })
  expect(upstreams.status('acme/a')).toMatchObject({
    instances: [{ state: 'starting', restarts: 0 }],
  })
})

test('a changed list of tools is offered anew', async () => {
  const { upstreams, offers } = supervised()
  const server = sample('modern')
  upstreams.start(server)
  await eventually(() => isReady(upstreams, 'acme/sample'))
  expect(offers.get('acme/sample')?.tools).toHaveLength(10)
  expect(offers.get('acme/sample')).toMatchObject({
    resources: [{ uri: 'sample://a' }],
    resourceTemplates: [{ uriTemplate: 'sample://{id}' }],
    prompts: [{ name: 'greet' }],
    instructions: 'Be kind.',
    problems: [],
  })
  await run(upstreams, server, 'change')
  await eventually(() => offers.get('acme/sample')?.tools.some(({ name }) => name === 'added-1') ?? false)
  expect(isReady(upstreams, 'acme/sample')).toBe(true)
})

test('a session that the server has forgotten is opened anew, and the call that noticed it runs', async () => {
  const upstream = await legacyHttp()
  closers.push(upstream.close)
  const { upstreams } = supervised()
  const server = definitionOf({ transport: 'http', url: upstream.url })
  upstreams.start(server)
  await eventually(() => isReady(upstreams, 'acme/sample'))
  upstream.forgetSessions()
  expect(await run(upstreams, server, 'echo')).toBe('{}')
  expect(upstreams.status('acme/sample')?.instances[0]?.restarts).toBe(1)
})

test('after closing no process is left', async () => {
  const { upstreams } = supervised()
  const names = ['a', 'b', 'c']
  names.forEach((name) => upstreams.start(sample('both', { name })))
  await eventually(() => names.every((name) => isReady(upstreams, `acme/${name}`)))
  const pids = [...upstreams.statuses().values()].map(({ instances }) => instances[0]?.pid ?? 0)
  await upstreams.close()
  expect(pids.map(isAlive)).toEqual([false, false, false])
})

test('a process that is started to be asked as a client with capabilities is ended, also by closing', async () => {
  const { upstreams } = supervised()
  const before = descendantsOf(process.pid)
  const processes = (): number => descendantsOf(process.pid).filter((pid) => !before.includes(pid)).length
  upstreams.start(sample('legacy', { name: 'a' }))
  await eventually(() => isReady(upstreams, 'acme/a'))
  expect(processes()).toBe(1)
  upstreams.look('acme/a')
  await eventually(() => processes() === 2)
  await eventually(() => processes() === 1)
  expect(isReady(upstreams, 'acme/a')).toBe(true)
  upstreams.start(sample('legacy', { name: 'b' }))
  upstreams.look('acme/b')
  await eventually(() => processes() === 3)
  await upstreams.close()
  expect(processes()).toBe(0)
})
