import { spreadOf } from '../comparison/figures.ts'
import { type Gateway, startGateway } from '../comparison/gateway.ts'
import { residentMb, usageOf } from '../comparison/process-usage.ts'
import { startProgram } from '../comparison/programs.ts'
import { aligned, written } from '../comparison/report.ts'
import { percentile } from '../../test/support/percentiles.ts'
import { type Caller, openCaller } from '../load/caller.ts'
import type { Job, Way } from '../load/job.ts'
import { failuresIn, kindOf } from '../load/phase.ts'
import type { Scenario } from './scenario.ts'

const WAYS: Readonly<Partial<Record<Way, string>>> = {
  modern: '/mcp',
  legacy: '/mcp',
  sse: '/sse',
  websocket: '/ws',
}

/** What clients saw that came all at once. */
interface Arrival {
  readonly way: string
  readonly answered: number
  readonly failures: ReadonlyMap<string, number>
  /** From the moment that all begin until a client has the answer to its first call, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly lastMs: number
  /** Processor time of the gateway for each client, in milliseconds. */
  readonly cpuMs: number
  readonly rssMb: number
}

/** What it costs when very many clients come at the same time, each with a token that the gateway has not seen. */
export const clientsScenario: Scenario = {
  name: 'clients',
  title: '--clients clients that connect at the same time, each with a new token, and make one call',
  run: async ({ clients, rounds, only }, say) => {
    const ways = Object.keys(WAYS).filter((way) => only.length === 0 || only.includes(way)) as Way[]
    const upstream = await startProgram('http.ts')
    const arrivals: Arrival[] = []
    try {
      const gateway = await startGateway({ echo: { transport: 'streamable-http', url: upstream.url } })
      try {
        for (let round = 0; round <= rounds; round += 1) {
          say(round === 0 ? 'warming up' : `round ${round} of ${rounds}`)
          for (const way of ways) {
            const found = await arrive(gateway, way, { count: clients, round })
            if (round > 0) arrivals.push(found)
          }
        }
      } finally {
        await gateway.close()
      }
    } finally {
      await upstream.close()
    }
    return { text: textOf(arrivals, clients), figures: { arrivals: arrivals.map(plain) } }
  },
}

async function arrive(
  gateway: Gateway,
  way: Way,
  { count, round }: { readonly count: number; readonly round: number },
): Promise<Arrival> {
  const subjects = Array.from({ length: count }, (_, index) => `client-${way}-${round}-${index}`)
  const tokens = await Promise.all(subjects.map((subject) => gateway.token(subject)))
  const job: Job = {
    way,
    url: `${gateway.url}${WAYS[way]}`,
    tool: 'echo_echo',
    tokens,
    callers: count,
    calls: count,
    warmUp: 0,
    bytes: 0,
    progress: 0,
  }
  const open: Caller[] = []
  const times: number[] = []
  const failures = new Map<string, number>()
  const [start, before] = [performance.now(), usageOf(gateway.pid).ownUs]
  const come = async (index: number): Promise<void> => {
    try {
      const caller = await openCaller(job, index)
      open.push(caller)
      await caller.call('hello')
      times.push(performance.now() - start)
    } catch (error) {
      failures.set(kindOf(error), (failures.get(kindOf(error)) ?? 0) + 1)
    }
  }
  await Promise.all(tokens.map((_, index) => come(index)))
  const usedMs = (usageOf(gateway.pid).ownUs - before) / 1000
  const rssMb = residentMb(gateway.pid)
  await Promise.all(open.map((caller) => caller.close()))
  return {
    way,
    answered: times.length,
    failures,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    lastMs: Math.max(...times),
    cpuMs: usedMs / count,
    rssMb,
  }
}

function textOf(arrivals: readonly Arrival[], clients: number): string {
  const lines = [['clients', 'answered', 'p50 ms', 'p99 ms', 'last ms', 'CPU ms each', 'RSS MB', 'failures']]
  for (const [way, group] of Map.groupBy(arrivals, (each) => each.way)) {
    const column = (of: (each: Arrival) => number, digits = 0): string =>
      written(spreadOf(group.map(of)), digits)
    lines.push([
      way,
      column(({ answered }) => answered),
      column(({ p50Ms }) => p50Ms),
      column(({ p99Ms }) => p99Ms),
      column(({ lastMs }) => lastMs),
      column(({ cpuMs }) => cpuMs, 2),
      column(({ rssMb }) => rssMb),
      group.map(failuresIn).find((text) => text !== '') ?? 'none',
    ])
  }
  return `${clients} clients at the same time: until each has the answer to its first call\n\n${aligned(lines)}`
}

function plain(arrival: Arrival): Record<string, unknown> {
  return { ...arrival, failures: Object.fromEntries(arrival.failures) }
}
