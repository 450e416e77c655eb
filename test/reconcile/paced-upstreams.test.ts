import { beforeEach, expect, test } from '@jest/globals'
import { PacedUpstreams } from '../../src/reconcile/paced-upstreams.ts'
import { type ServerDefinition, serverDocumentSchema } from '../../src/domain/documents/server-definition.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'

let clock: FakeClock
let calls: string[]
let paced: PacedUpstreams

beforeEach(() => {
  clock = new FakeClock()
  calls = []
  const call = (name: string) => (server: ServerDefinition) =>
    void calls.push(`${name} ${server.name} ${server.description}`)
  paced = new PacedUpstreams({
    upstreams: {
      start: call('replace'),
      replace: call('replace'),
      update: call('update'),
      stop: (key) => void calls.push(`stop ${key}`),
    },
    clock,
    logger: silentLogger,
  })
})

const server = (description: number, name = 'a'): ServerDefinition =>
  serverDocumentSchema.parse({
    name,
    tenantId: 'acme',
    transport: 'stdio',
    command: 'x',
    description: `${description}`,
  })

test('the first edits are applied at once', () => {
  paced.start(server(1))
  paced.replace(server(2))
  paced.replace(server(3))
  expect(calls).toEqual(['replace a 1', 'replace a 2', 'replace a 3'])
})

test('a document that changes two and a half times a second is opened less and less often, and ends as it is last', async () => {
  for (let edit = 1; edit <= 150; edit += 1) {
    paced.replace(server(edit))
    await clock.advance(400)
  }
  expect(calls.length).toBeLessThanOrEqual(12)
  await clock.advance(30_000)
  expect(calls.at(-1)).toBe('replace a 150')
})

test('other servers do not wait for one whose document changes', () => {
  for (let edit = 1; edit <= 10; edit += 1) paced.replace(server(edit))
  paced.start(server(1, 'b'))
  expect(calls.at(-1)).toBe('replace b 1')
})

test('an edit that keeps the connections is applied at once, unless they wait to be opened', async () => {
  paced.start(server(1))
  paced.update(server(2))
  expect(calls).toEqual(['replace a 1', 'update a 2'])
  for (let edit = 3; edit <= 5; edit += 1) paced.replace(server(edit))
  paced.update(server(6))
  expect(calls).toEqual(['replace a 1', 'update a 2', 'replace a 3', 'replace a 4'])
  await clock.advance(30_000)
  expect(calls.at(-1)).toBe('replace a 6')
})

test('what is stopped is stopped at once, and is not opened later', async () => {
  for (let edit = 1; edit <= 5; edit += 1) paced.replace(server(edit))
  paced.stop('acme/a')
  await clock.advance(60_000)
  expect(calls.slice(3)).toEqual(['stop acme/a'])
})

test('removing and adding a server again and again waits as well', async () => {
  for (let edit = 1; edit <= 100; edit += 1) {
    paced.start(server(edit))
    await clock.advance(200)
    paced.stop('acme/a')
    await clock.advance(200)
  }
  expect(calls.filter((call) => call.startsWith('replace')).length).toBeLessThanOrEqual(10)
})

test('after a while without edits the next is applied at once', async () => {
  for (let edit = 1; edit <= 10; edit += 1) paced.replace(server(edit))
  await clock.advance(120_000)
  calls = []
  paced.replace(server(11))
  expect(calls).toEqual(['replace a 11'])
})

test('nothing is opened once it is closed', async () => {
  for (let edit = 1; edit <= 5; edit += 1) paced.replace(server(edit))
  paced.close()
  await clock.advance(60_000)
  expect(calls).toHaveLength(3)
})
