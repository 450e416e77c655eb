/**
 * What many replicas ask of Firestore, and how long a relayed request takes: `node bench/replicas.ts [replicas] [documents]
 * [minutes]`. Runs the gateway's own watches and relays over a store in memory, in simulated time, with the latencies that Firestore
 * has, and scales the counts to a day.
 */
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { Clock } from '../src/domain/clock.ts'
import { CollectionWatch } from '../src/firestore/collection-watch.ts'
import { RenewalCheck } from '../src/firestore/renewal-check.ts'
import type { DocumentStore } from '../src/firestore/document-store.ts'
import { ReplicaMail } from '../src/replicas/replica-mail.ts'
import { ReplicaRelay } from '../src/replicas/replica-relay.ts'
import { MemoryDocuments } from '../test/support/memory-documents.ts'

const [REPLICAS = 50, DOCUMENTS = 1000, MINUTES = 60] = process.argv.slice(2).map(Number)
const REQUESTS = 2000
const PROBE_MS = 15_000
const DAY_MINUTES = 1440
/** Of Firestore in the same region, in milliseconds, at random between the two. */
const COMMIT_MS = [10, 50] as const
const NOTICE_MS = [20, 80] as const

const between = ([least, most]: readonly [number, number]): number => least + Math.random() * (most - least)
const logger = pino({ level: 'silent' })

/** Simulated time: whatever falls due runs in order, and promises settle in between. */
class SimulatedClock implements Clock {
  readonly #start = Date.now()
  #time = 0
  readonly #due = new Map<number, Set<() => void>>()
  #times: number[] = []

  now(): number {
    return this.#start + this.#time
  }

  monotonic(): number {
    return this.#time
  }

  after(delayMs: number, task: () => void): () => void {
    const at = Math.ceil(this.#time + delayMs)
    const tasks = this.#due.get(at) ?? new Set()
    if (!this.#due.has(at)) this.#push(at)
    this.#due.set(at, tasks)
    // Each entry is one of its own, although a task may be there twice.
    const entry = (): void => task()
    tasks.add(entry)
    return () => tasks.delete(entry)
  }

  at(instantMs: number, task: () => void): void {
    this.after(instantMs - this.#time, task)
  }

  async advance(ms: number): Promise<void> {
    const end = this.#time + ms
    for (let [next] = this.#times; next !== undefined && next <= end; [next] = this.#times) {
      this.#pop()
      const tasks = this.#due.get(next)
      this.#due.delete(next)
      if (tasks === undefined || tasks.size === 0) continue
      this.#time = next
      for (const task of tasks) task()
      for (let turn = 0; turn < 12; turn += 1) await Promise.resolve()
    }
    this.#time = end
  }

  /** A binary heap of times. */
  #push(at: number): void {
    const heap = this.#times
    let index = heap.push(at) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] ?? 0
      if (above <= at) break
      heap[index] = above
      index = parent
    }
    heap[index] = at
  }

  #pop(): void {
    const heap = this.#times
    const last = heap.pop() ?? 0
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const child = (heap[left + 1] ?? Infinity) < (heap[left] ?? Infinity) ? left + 1 : left
      const below = heap[child]
      if (below === undefined || below >= last) break
      heap[index] = below
      index = child
    }
    heap[index] = last
  }
}

/** A store that counts what Firestore charges, and takes as long as Firestore. */
class CountedStore implements DocumentStore {
  reads = 0
  writes = 0
  deletes = 0
  readonly #documents: MemoryDocuments
  readonly #clock: Clock

  constructor(documents: MemoryDocuments, clock: Clock) {
    this.#documents = documents
    this.#clock = clock
  }

  listen(...[collection, onDocuments, onError]: Parameters<DocumentStore['listen']>): () => void {
    const known = new Map<string, string>()
    let last = 0
    return this.#documents.listen(
      collection,
      (documents) => {
        // Only what a listener does not know yet is read.
        for (const { id, version } of documents) {
          if (known.get(id) === version) continue
          known.set(id, version)
          this.reads += 1
        }
        const now = this.#clock.monotonic()
        last = Math.max(now + between(NOTICE_MS), last)
        this.#clock.after(last - now, () => onDocuments(documents))
      },
      onError,
    )
  }

  probe = (): Promise<void> => this.#read(() => this.#documents.probe())
  get = (path: string): ReturnType<DocumentStore['get']> => this.#read(() => this.#documents.get(path))

  async where(...query: Parameters<DocumentStore['where']>): ReturnType<DocumentStore['where']> {
    const found = await this.#read(() => this.#documents.where(...query))
    this.reads += Math.max(0, found.length - 1)
    return found
  }

  create(...given: Parameters<DocumentStore['create']>): Promise<boolean> {
    this.writes += 1
    return this.#after(COMMIT_MS, () => this.#documents.create(...given))
  }

  set(...given: Parameters<DocumentStore['set']>): Promise<void> {
    this.writes += 1
    return this.#after(COMMIT_MS, () => this.#documents.set(...given))
  }

  delete(path: string): Promise<void> {
    this.deletes += 1
    return this.#after(COMMIT_MS, () => this.#documents.delete(path))
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    this.reads += 1
    return this.#after([5, 25], work)
  }

  #after<T>(latency: readonly [number, number], work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>()
    this.#clock.after(between(latency), () => resolve(work()))
    return promise
  }
}

function percentile(values: readonly number[], share: number): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0)
}

function say(what: string, figures: Record<string, unknown>): void {
  process.stdout.write(`${what}: ${JSON.stringify(figures)}\n`)
}

/** Every replica watches the registry; one document is edited each minute. */
async function registryFanOut(): Promise<void> {
  const clock = new SimulatedClock()
  const documents = new MemoryDocuments()
  const store = new CountedStore(documents, clock)
  for (let index = 0; index < DOCUMENTS; index += 1) documents.put({ [`mcp_servers/${index}`]: { edit: 0 } })
  const delays: number[] = []
  let editedAt = 0
  const watches = Array.from({ length: REPLICAS }, () => {
    const watch = new CollectionWatch({
      store,
      collections: ['mcp_servers'],
      onDocuments: () => {
        if (editedAt > 0 && clock.monotonic() - editedAt < 1000) delays.push(clock.monotonic() - editedAt)
      },
      clock,
      random: Math.random,
      logger,
      probeMs: PROBE_MS,
      connectMs: 2000,
      check: new RenewalCheck({ store, name: 'registry', clock }),
    })
    return watch
  })
  for (const watch of watches) watch.start()
  await clock.advance(10_000)
  store.reads = 0
  for (let minute = 0; minute < MINUTES; minute += 1) {
    documents.put({ 'mcp_servers/0': { edit: minute } })
    editedAt = clock.monotonic()
    await clock.advance(60_000)
  }
  for (const watch of watches) watch.close()
  const perReplica = Math.round((store.reads / REPLICAS) * (DAY_MINUTES / MINUTES))
  say('registry', {
    replicas: REPLICAS,
    documents: DOCUMENTS,
    readsPerReplicaAndDay: perReplica,
    millionReadsPerDayOf1000Replicas: Math.round(perReplica / 1000),
    noticedP50: percentile(delays, 0.5),
    noticedP99: percentile(delays, 0.99),
  })
}

/** Requests from random replicas to others, some of them at the same time. */
async function relayed(): Promise<void> {
  const clock = new SimulatedClock()
  const store = new CountedStore(new MemoryDocuments(), clock)
  const keys = { current: randomBytes(32) }
  const relays = Array.from({ length: REPLICAS }, (_none, index) => {
    const mail = new ReplicaMail({ self: String(index + 1), store, clock, random: Math.random, logger })
    const relay = new ReplicaRelay({ mail, keys, clock, logger })
    relay.serve('bench', (_request, answer) => {
      answer.head(200, {})
      answer.text('x'.repeat(1000))
      answer.end()
    })
    relay.start(() => undefined)
    return relay
  })
  await clock.advance(10_000)
  const idle = { reads: store.reads, writes: store.writes, deletes: store.deletes }
  await clock.advance(60_000)
  const [idleReads, idleWrites] = [store.reads - idle.reads, store.writes - idle.writes]
  const before = { reads: store.reads, writes: store.writes, deletes: store.deletes }
  const times: number[] = []
  let failed = 0
  const began = clock.monotonic()
  for (let request = 0; request < REQUESTS; request += 1) {
    const from = Math.floor(Math.random() * REPLICAS)
    const to = (from + 1 + Math.floor(Math.random() * (REPLICAS - 1))) % REPLICAS
    const started = clock.monotonic()
    const reader = { onHead: () => undefined, onText: () => undefined }
    void relays[from]
      ?.ask(String(to + 1), { transport: 'bench' }, reader, new AbortController().signal)
      .then(() => times.push(clock.monotonic() - started))
      .catch(() => (failed += 1))
    await clock.advance(20)
  }
  await clock.advance(5000)
  const minutes = (clock.monotonic() - began) / 60_000
  for (const relay of relays) void relay.close()
  const each = (now: number, then: number, perMinute: number): number =>
    Number(((now - then - perMinute * minutes) / REQUESTS).toFixed(1))
  say('relay', {
    requests: REQUESTS,
    failed,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    readsEach: each(store.reads, before.reads, idleReads),
    writesEach: each(store.writes, before.writes, idleWrites),
    deletesEach: each(store.deletes, before.deletes, 0),
    idleReadsPerReplicaAndDay: Math.round((idleReads / REPLICAS) * DAY_MINUTES),
    idleWritesPerReplicaAndDay: Math.round((idleWrites / REPLICAS) * DAY_MINUTES),
  })
}

await registryFanOut()
await relayed()
