import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { systemClock } from '../../src/domain/clock.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { createConnector } from '../../src/upstream/connection/connect.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { Upstreams } from '../../src/upstream/upstreams.ts'
import { eventually } from '../support/eventually.ts'
import { definitionOf } from '../support/server-definitions.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { callTool, textOf } from './connection/connecting.ts'
import { RestartableServer } from './restartable-server.ts'

let upstream: RestartableServer
let upstreams: Upstreams
let definition: ServerDefinition
let offer: Offer | undefined

beforeEach(async () => {
  offer = undefined
  upstream = new RestartableServer()
  await upstream.start()
  upstreams = new Upstreams({
    connect: createConnector({
      clientInfo: { name: 'tool-gateway', version: '0' },
      maxMessageBytes: 100_000,
      dataDir: '/nonexistent',
      logger: silentLogger,
    }),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    connectTimeoutMs: 10_000,
    drainTimeoutMs: 2000,
    onOffer: (_key, offered) => {
      offer = offered
    },
    onState: () => undefined,
  })
})

afterEach(async () => {
  await upstreams.close()
  await upstream.close()
})

async function connected(fields: Record<string, unknown> = { clientCapabilities: [] }): Promise<void> {
  definition = definitionOf({ transport: 'streamable-http', url: upstream.url, ...fields })
  upstreams.start(definition)
  await eventually(() => upstreams.status('acme/sample')?.state === 'ready')
}

function run(n: number): Promise<string> {
  return upstreams
    .poolFor(definition, '')
    .run(async (connection) => textOf(await callTool(connection, 'plain', { n })), {
      signal: undefined,
      deadlineAt: performance.now() + 10_000,
    })
}

/** Whether the connections that broke with the restart are out of the way. */
function isReachable(): Promise<boolean> {
  return fetch(upstream.url, { headers: { 'mcp-session-id': 'unknown' } }).then(
    ({ status }) => status === 404,
    () => false,
  )
}

test('calls that find the session gone all run, once each, over one new session', async () => {
  await connected()
  expect(await run(0)).toBe('ran')
  await upstream.restart()
  await eventually(isReachable)
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
  expect(await Promise.all(numbers.map(run))).toEqual(numbers.map(() => 'ran'))
  const ran = upstream.ran.map((args) => (args as { n: number }).n)
  expect(ran.toSorted((a, b) => a - b)).toEqual([0, ...numbers])
  expect(upstream.opened).toBe(2)
  expect(upstreams.status('acme/sample')).toMatchObject({ state: 'ready', instances: [{ restarts: 1 }] })
})

test('a watched resource is watched again after a restart, and its watcher is told', async () => {
  await connected()
  const told: JsonObject[] = []
  await upstreams.poolFor(definition, '').watchResource('a://1', (params) => void told.push(params), {
    signal: undefined,
    deadlineAt: performance.now() + 10_000,
  })
  await upstream.restart()
  await eventually(() => upstream.watched.has('a://1'))
  await eventually(() => told.length === 1)
  upstream.touch('a://1/part')
  await eventually(() => told.length === 2)
  expect(told).toEqual([{ uri: 'a://1' }, { uri: 'a://1/part' }])
})

test('what only shows to a client that can be asked is found, and the session for that is ended', async () => {
  await connected({ clientCapabilities: ['sampling'] })
  await eventually(() => offer?.tools.some(({ name }) => name === 'samples'))
  expect(offer?.needsClient.tools).toEqual(new Set(['samples']))
  await eventually(() => upstream.ended === 1)
  expect(upstream.opened).toBe(2)
  expect(upstreams.status('acme/sample')?.instances).toHaveLength(1)
})
