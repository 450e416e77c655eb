import { expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { CollectionWatch } from '../../src/firestore/collection-watch.ts'
import type { DocumentStore } from '../../src/firestore/document-store.ts'
import { RenewalCheck } from '../../src/firestore/renewal-check.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryDocuments } from '../support/memory-documents.ts'
import { silentLogger } from '../support/silent-logger.ts'

function watching({ logger = silentLogger }: { logger?: Logger } = {}): {
  clock: FakeClock
  store: MemoryDocuments
  watch: CollectionWatch
  heard: string[]
  states: string[]
} {
  const clock = new FakeClock()
  const store = new MemoryDocuments()
  const heard: string[] = []
  const states: string[] = []
  const watch = new CollectionWatch({
    store,
    collections: ['a', 'b'],
    onDocuments: (collection, documents) =>
      heard.push(`${collection}: ${documents.map(({ id }) => id).join(' ')}`),
    onState: (state) => states.push(state),
    clock,
    random: () => 1,
    logger,
    probeMs: 15_000,
    connectMs: 2000,
  })
  return { clock, store, watch, heard, states }
}

test('is live once every collection has come, and hears what changes', () => {
  const { store, watch, heard } = watching()
  store.put({ 'a/1': {} })
  expect(watch.status.state).toBe('connecting')
  watch.start()
  store.put({ 'b/2': {}, 'c/3': {} })
  expect(watch.status).toEqual({ state: 'live', staleSince: undefined, ageMs: 0 })
  expect(heard).toEqual(['a: 1', 'b: ', 'b: 2'])
  watch.close()
})

test('without a response at the start it is stale after the time to connect, and live when the store comes', async () => {
  const { clock, store, watch, states } = watching()
  store.isDown = true
  const startedAt = clock.now()
  watch.start()
  await clock.advance(1999)
  expect(watch.status.state).toBe('connecting')
  await clock.advance(1)
  expect(watch.status).toEqual({ state: 'stale', staleSince: startedAt, ageMs: 2000 })
  store.isDown = false
  await clock.advance(4000)
  expect(watch.status.state).toBe('live')
  expect(states).toEqual(['stale', 'live'])
  watch.close()
})

test('a store that takes a few seconds for its first answer raises no alarm', async () => {
  const lines: string[] = []
  const logger = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) })
  const { clock, store, watch, states } = watching({ logger })
  store.isDown = true
  watch.start()
  await clock.advance(2100)
  store.isDown = false
  await clock.advance(4000)
  watch.close()
  expect(states).toEqual(['stale', 'live'])
  expect(lines).toEqual([])
})

test('what is wrong is said once, with the reason, and that it is over', async () => {
  const lines: string[] = []
  const logger = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) })
  const { clock, store, watch } = watching({ logger })
  store.isDown = true
  watch.start()
  await clock.advance(60_000)
  store.isDown = false
  await clock.advance(4000)
  store.fail('a', new Error('gone'))
  watch.close()
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'Firestore does not respond: the store is down; the gateway keeps trying',
    'Firestore responds again',
    'Firestore does not respond: gone; the last snapshot stays in use',
  ])
})

test('a silent outage is found by the probe; afterwards everything is read anew', async () => {
  const { clock, store, watch, heard } = watching()
  watch.start()
  store.put({ 'a/1': {} })
  const confirmedAt = clock.now()
  store.isDown = true
  store.put({ 'a/2': {} })
  await clock.advance(15_000)
  expect(watch.status).toEqual({ state: 'stale', staleSince: confirmedAt, ageMs: 15_000 })
  heard.length = 0
  store.isDown = false
  await clock.advance(4000)
  expect(watch.status.state).toBe('live')
  expect(heard.slice(0, 2)).toEqual(['a: 1 2', 'b: '])
  expect(store.listeners).toBe(2)
  watch.close()
})

/** A change of which no listener hears. */
function miss(store: MemoryDocuments, documents: Record<string, JsonObject>): void {
  store.isDown = true
  store.put(documents)
  store.isDown = false
}

test('what a listener missed without a word is known two seconds after it was subscribed, and within five minutes later on', async () => {
  const { clock, store, watch, heard, states } = watching()
  watch.start()
  miss(store, { 'a/1': {} })
  await clock.advance(2000)
  expect(heard).toEqual(['a: ', 'b: ', 'a: 1', 'b: '])
  miss(store, { 'b/2': {} })
  await clock.advance(299_999)
  expect(heard).toHaveLength(4)
  await clock.advance(1)
  expect(heard.slice(4)).toEqual(['a: 1', 'b: 2'])
  expect([states, store.listeners]).toEqual([['live'], 2])
  watch.close()
  expect(store.listeners).toBe(0)
})

test('renewals read no more than a document a second', async () => {
  const { clock, store, watch, heard } = watching()
  const documents = Array.from({ length: 600 }, (_none, index) => [`a/${index}`, {}] as const)
  store.put(Object.fromEntries(documents))
  watch.start()
  await clock.advance(2000)
  const renewed = heard.length
  await clock.advance(599_000)
  expect(heard).toHaveLength(renewed)
  await clock.advance(1000)
  expect(heard).toHaveLength(renewed + 2)
  watch.close()
})

test('probes of a long outage grow apart to 4 s', async () => {
  const { clock, store, watch } = watching()
  store.isDown = true
  watch.start()
  await clock.advance(2000)
  await clock.advance(7500)
  expect(store.probes).toBe(4)
  await clock.advance(4000 * 10)
  expect(store.probes).toBe(14)
  watch.close()
})

test('an error of a listener is an outage of its own: it is subscribed anew', async () => {
  const { clock, store, watch, states } = watching()
  watch.start()
  store.fail('b', new Error('Exceeded maximum number of retries allowed.'))
  expect(watch.status.state).toBe('stale')
  await clock.advance(250)
  expect(watch.status.state).toBe('live')
  expect(states).toEqual(['live', 'stale', 'live'])
  watch.close()
})

test('while stale one collection that speaks again is not enough', async () => {
  const { clock, store, watch } = watching()
  watch.start()
  store.fail('b', new Error('gone'))
  store.put({ 'a/1': {} })
  expect(watch.status.state).toBe('stale')
  await clock.advance(250)
  expect(watch.status.state).toBe('live')
  watch.close()
})

test('a subscription without its snapshot is given up after 10 s and tried again', async () => {
  const { clock, store, watch } = watching()
  store.isDown = true
  watch.start()
  await clock.advance(2000)
  const probe = store.probe.bind(store)
  store.probe = () => Promise.resolve()
  await clock.advance(250)
  store.probe = probe
  store.isDown = false
  await clock.advance(9999)
  expect(watch.status.state).toBe('stale')
  await clock.advance(1000)
  expect(watch.status.state).toBe('live')
  watch.close()
})

test('each probe that is answered renews the age', async () => {
  const { clock, watch } = watching()
  watch.start()
  await clock.advance(20_000)
  expect(watch.status.ageMs).toBe(5000)
  watch.close()
})

test('after closing nothing is heard, asked or told', async () => {
  const { clock, store, watch, heard } = watching()
  watch.start()
  watch.close()
  watch.close()
  heard.length = 0
  store.put({ 'a/1': {} })
  await clock.advance(60_000)
  expect(heard).toEqual([])
  expect(store.probes).toBe(0)
  expect(store.listeners).toBe(0)
})

/** Replicas that watch one collection of a store, each with what it has last heard, and how often it has subscribed. */
function replicas(count: number) {
  const clock = new FakeClock()
  const store = new MemoryDocuments()
  const all = Array.from({ length: count }, () => {
    const replica = { heard: '', readings: 0 }
    const counted: Pick<DocumentStore, 'listen' | 'probe'> = {
      listen: (...given) => {
        replica.readings += 1
        return store.listen(...given)
      },
      probe: () => store.probe(),
    }
    const watch = new CollectionWatch({
      store: counted as DocumentStore,
      collections: ['a'],
      onDocuments: (_collection, documents) => (replica.heard = documents.map(({ id }) => id).join(' ')),
      clock,
      random: () => 0,
      logger: silentLogger,
      probeMs: 15_000,
      connectMs: 2000,
      check: new RenewalCheck({ store, name: 'a', clock }),
    })
    return { replica, watch }
  })
  return { clock, store, all, close: () => all.forEach(({ watch }) => watch.close()) }
}

test('of replicas with a check one reads again every five minutes, and the others compare', async () => {
  const { clock, store, all, close } = replicas(5)
  store.put({ 'a/1': {}, 'a/2': {} })
  for (const { watch } of all) watch.start()
  await clock.advance(2000)
  const before = all.reduce((sum, { replica }) => sum + replica.readings, 0)
  await clock.advance(5 * 300_000)
  expect(all.reduce((sum, { replica }) => sum + replica.readings, 0) - before).toBe(5)
  close()
})

test.each([
  [
    'every one of several replicas has missed is found by the one that reads, and by the others after it',
    3,
    600_000,
  ],
  ['a replica that is alone has missed is found by it', 1, 300_000],
])('a change that %s', async (_what, count, withinMs) => {
  const { clock, store, all, close } = replicas(count)
  store.put({ 'a/1': {} })
  for (const { watch } of all) watch.start()
  await clock.advance(2000)
  miss(store, { 'a/2': {} })
  await clock.advance(withinMs)
  for (const { replica } of all) expect(replica.heard).toBe('1 2')
  close()
})
