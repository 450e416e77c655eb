/**
 * What a hanging and a crashing server do to the other 18: lists and calls of those while the two are there and called
 * all the time, and while they are not, in turn, in the same run. Then whether the crashing one fails for good after its
 * restarts, and comes back when it is told to.
 * `node bench/bad-neighbours.ts [rounds]`
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../test/support/eventually.ts'
import { type Caller, connectCallers, signAll } from '../test/support/fleet-callers.ts'
import { type FleetGateway, spawnFleetGateway } from '../test/support/fleet-gateway.ts'
import { startHttpServers, stdioDocument } from '../test/support/fleet-servers.ts'
import { percentile, percentiles } from '../test/support/percentiles.ts'
import type { Documents } from '../test/support/start-gateway.ts'

const LISTS_PER_ROUND = 100
const CALLS_PER_ROUND = 500
/** The default: restarts go on while it is measured. */
const MAX_RESTARTS = 10
/** Between two calls of each of the bad servers. */
const NUISANCE_MS = 100
/** After an edit of the registry, until measuring begins: what starts has started by then. */
const SETTLE_MS = 3000

type Phase = 'with' | 'without'
interface Times {
  readonly lists: number[]
  readonly calls: number[]
}

const rounds = Number(process.argv[2] ?? 20)
const folder = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-'))
const database = join(folder, 'database')
const http = await startHttpServers(
  Object.fromEntries(
    Array.from({ length: 6 }, (_, index) => {
      const era = index % 2 === 0 ? ('legacy' as const) : ('modern' as const)
      return [`remote-${index}`, { era, instances: 1 }]
    }),
  ),
)
const local = Array.from({ length: 12 }, (_, index) => `local-${index}`)
const good = { ...Object.fromEntries(local.map((name) => [name, stdioDocument(name)])), ...http.documents }
const servers = Object.keys(good)
const gateway = await spawnFleetGateway({ ...good, ...bad('without') })
const over = new AbortController()

try {
  await until(gateway, servers, ['ready'])
  const callers = await connectCallers(gateway.url, gateway.token, ['rest', 'streamable-http', 'modern'])
  const [nuisance] = await connectCallers(gateway.url, gateway.token, ['rest'])
  if (nuisance === undefined) throw new Error('nobody calls the bad servers')
  const calling = callBad(nuisance, over.signal)
  await measured(callers)

  const seen: Record<Phase, Times[]> = { with: [], without: [] }
  const load = [loadavg()[0] ?? 0]
  for (let round = 0; round < rounds; round += 1) {
    const order: Phase[] = round % 2 === 0 ? ['with', 'without'] : ['without', 'with']
    for (const phase of order) {
      await enter(phase)
      seen[phase].push(await measured(callers))
    }
    load.push(loadavg()[0] ?? 0)
  }
  say(`load of the machine: ${Math.min(...load).toFixed(1)} to ${Math.max(...load).toFixed(1)}`)
  say(`${rounds} rounds each of ${LISTS_PER_ROUND} lists and ${CALLS_PER_ROUND} calls of the other 18`)
  for (const kind of ['lists', 'calls'] as const) report(kind, seen)

  await enter('with')
  await until(gateway, ['crashing'], ['failed'])
  const failed = (await gateway.states()).find(({ name }) => name === 'crashing')
  say(`the crashing one is failed after ${failed?.instances[0]?.restarts} restarts of ${MAX_RESTARTS}`)
  await writeFile(database, '')
  const before = performance.now()
  await gateway.manage('crashing', 'restart')
  await until(gateway, ['crashing'], ['ready'])
  const { server } = await nuisance.sign('crashing', 'again')
  say(`after its restart ${server} answers within ${(performance.now() - before).toFixed(0)} ms`)
  over.abort()
  await calling
  await Promise.all(callers.map((caller) => caller.close()))
} finally {
  over.abort()
  await gateway.close()
  http.close()
  await rm(folder, { recursive: true, force: true })
}

function bad(phase: Phase): Documents {
  const enabled = phase === 'with'
  const lifecycle = { maxRestarts: MAX_RESTARTS }
  return {
    hanging: { ...stdioDocument('hanging', 'hangs'), timeoutMs: 2000, enabled },
    crashing: { ...stdioDocument('crashing', 'crashes', database), lifecycle, enabled },
  }
}

/** Puts the bad servers in or out, and waits until the gateway knows what they are. */
async function enter(phase: Phase): Promise<void> {
  await gateway.write({ ...good, ...bad(phase) })
  await until(gateway, ['hanging'], [phase === 'with' ? 'ready' : 'stopped'])
  await until(gateway, ['crashing'], phase === 'with' ? ['backing_off', 'failed'] : ['stopped'])
  await pause(SETTLE_MS)
}

async function until(of: FleetGateway, names: readonly string[], wanted: readonly string[]): Promise<void> {
  const probe = async (): Promise<boolean> => {
    const states = await of.states()
    return names.every((name) => wanted.includes(states.find((each) => each.name === name)?.state ?? ''))
  }
  await eventually(probe, { timeoutMs: 120_000, what: `${names.join()} being ${wanted.join(' or ')}` })
}

/** Calls both bad servers again and again, whatever becomes of it. */
async function callBad(caller: Caller, signal: AbortSignal): Promise<void> {
  const pending = new Set<Promise<unknown>>()
  while (!signal.aborted) {
    for (const server of ['hanging', 'crashing']) {
      const call = caller.sign(server, 'nuisance').catch(() => undefined)
      pending.add(call)
      void call.then(() => pending.delete(call))
    }
    await pause(NUISANCE_MS)
  }
  await Promise.all(pending)
}

/** Lists and calls at the same time. @throws Error when a good server is missing or does not answer */
async function measured(callers: readonly Caller[]): Promise<Times> {
  const lists: number[] = []
  const listing = async (caller: Caller): Promise<void> => {
    for (let count = 0; count < LISTS_PER_ROUND / callers.length; count += 1) {
      const before = performance.now()
      const names = new Set(await caller.list())
      lists.push(performance.now() - before)
      if (!servers.every((server) => names.has(`${server}_sign`))) throw new Error('a list lacks a server')
    }
  }
  const [signed] = await Promise.all([signAll(callers, servers, CALLS_PER_ROUND), ...callers.map(listing)])
  const failed = signed.find(({ answer, server }) => answer?.server !== server)
  if (failed !== undefined) throw new Error(`a call of ${failed.server} failed: ${String(failed.error)}`)
  return { lists, calls: signed.map(({ ms }) => ms) }
}

/** The rounds without the bad servers against each other tell how much is noise. */
function report(kind: keyof Times, seen: Record<Phase, Times[]>): void {
  const [present, absent] = [seen.with, seen.without].map((all) => all.map((times) => times[kind]))
  if (present === undefined || absent === undefined) return
  const even = absent.filter((_, index) => index % 2 === 0)
  const odd = absent.filter((_, index) => index % 2 === 1)
  say(`${kind} with the two    ${percentiles(present.flat())}`)
  say(`${kind} without them    ${percentiles(absent.flat())}`)
  say(
    `${kind}: p99 with by without ${ratio(present, absent)}, by the medians of rounds ${medianRatio(present, absent)}; of rounds without, even by odd ${ratio(even, odd)}`,
  )
}

function ratio(one: readonly number[][], other: readonly number[][]): string {
  return (percentile(one.flat(), 0.99) / percentile(other.flat(), 0.99)).toFixed(3)
}

function medianRatio(one: readonly number[][], other: readonly number[][]): string {
  const [a, b] = [one, other].map((all) =>
    percentile(
      all.map((times) => percentile(times, 0.99)),
      0.5,
    ),
  )
  return ((a ?? 0) / (b ?? 1)).toFixed(3)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
