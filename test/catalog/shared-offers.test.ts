import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Catalog } from '../../src/catalog/catalog.ts'
import { SharedOffers } from '../../src/catalog/shared-offers.ts'
import {
  type ServerDefinition,
  type ServerKey,
  serverKey,
} from '../../src/domain/documents/server-definition.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryDocuments } from '../support/memory-documents.ts'
import { offer, principal, server, snapshotOf } from '../support/offers.ts'
import { silentLogger as logger } from '../support/silent-logger.ts'

const SERVER = server({ name: 'alpha', tenantId: 'acme' })
const KEY = serverKey(SERVER)

let store: MemoryDocuments
let open: SharedOffers[]

beforeEach(() => {
  store = new MemoryDocuments()
  open = []
})

afterEach(() => {
  for (const each of open) each.close()
})

interface Replica {
  readonly catalog: Catalog
  readonly shared: SharedOffers
  readonly relisted: ServerKey[]
  /** The server says what it offers. */
  readonly say: (...tools: string[]) => void
  readonly listed: () => string[]
}

function replica(definition: ServerDefinition = SERVER): Replica {
  const clock = new FakeClock()
  const catalog = new Catalog()
  const relisted: ServerKey[] = []
  const relist = (key: ServerKey): void => void relisted.push(key)
  const shared = new SharedOffers({ store, catalog, relist, clock, random: () => 0.5, logger })
  shared.start()
  open.push(shared)
  catalog.applySnapshot(snapshotOf(definition))
  return {
    catalog,
    shared,
    relisted,
    say: (...tools) => {
      const given = offer({ tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) })
      catalog.setOffer(KEY, given)
      shared.offered(KEY, given)
    },
    listed: () => catalog.viewOf(principal({ tenantId: 'acme' })).tools.map(({ name }) => name),
  }
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

test('a replica that has just started lists what another one has listed, as stale until it has asked the server', async () => {
  replica().say('echo')
  await settled()
  const cold = replica()
  expect(cold.listed()).toEqual(['echo'])
  expect(cold.catalog.viewOf(principal({ tenantId: 'acme' })).stale).toEqual(['alpha'])
})

test('a change that one replica has seen is listed by the others at once, makes them ask the server, and is not written by them again', async () => {
  const [one, two] = [replica(), replica()]
  one.say('echo')
  await settled()
  two.say('echo')
  one.say('echo', 'new')
  await settled()
  expect([one.relisted, two.relisted, two.listed()]).toEqual([[], [KEY], ['echo', 'new']])
  const writes = store.writes.length
  two.say('echo', 'new')
  await settled()
  expect(store.writes).toHaveLength(writes)
})

test('replicas that are given different offers do not write them in turns', async () => {
  const [one, two] = [replica(), replica()]
  one.say('a')
  two.say('b')
  await settled()
  const writes = store.writes.length
  for (let times = 0; times < 3; times += 1) {
    one.say('a')
    two.say('b')
    await settled()
  }
  expect(store.writes).toHaveLength(writes)
})

test('an offer of a server that is defined in another way now is not listed; an edit of its rights changes nothing', async () => {
  replica().say('echo')
  await settled()
  expect(replica(server({ name: 'alpha', tenantId: 'acme', args: ['other'] })).listed()).toEqual([])
  expect(replica({ ...SERVER, description: 'another text' }).listed()).toEqual(['echo'])
})

test('an offer larger than a document arrives whole, and not before all of it is there', async () => {
  const names = Array.from({ length: 200 }, (_none, index) => `tool-${index}`)
  const one = replica()
  const big = offer({
    tools: names.map((name) => ({ name, description: 'x'.repeat(10_000), inputSchema: { type: 'object' } })),
  })
  one.catalog.setOffer(KEY, big)
  one.shared.offered(KEY, big)
  const early = replica()
  await settled()
  expect(store.ids('gateway_catalog')).toHaveLength(3)
  expect([early.listed().length, replica().listed().length]).toEqual([200, 200])
})

test('a replica is settled when it has what others have listed, also where that is nothing, and after two seconds without an answer', async () => {
  const empty = replica()
  await settled()
  expect(empty.shared.isSettled).toBe(true)

  const clock = new FakeClock()
  const silent = Object.assign(new MemoryDocuments(), { listen: () => () => undefined })
  const catalog = new Catalog()
  const waiting = new SharedOffers({
    store: silent,
    catalog,
    relist: () => undefined,
    clock,
    random: () => 0.5,
    logger,
  })
  open.push(waiting)
  waiting.start()
  expect(waiting.isSettled).toBe(false)
  await clock.advance(1999)
  expect(waiting.isSettled).toBe(false)
  await clock.advance(1)
  expect(waiting.isSettled).toBe(true)
})
