import { setTimeout as pause } from 'node:timers/promises'
import { documentsOf, type Gateway, startGateway } from '../comparison/gateway.ts'
import { residentMb, usageOf } from '../comparison/process-usage.ts'
import { startProgram } from '../comparison/programs.ts'
import { aligned } from '../comparison/report.ts'
import { percentile } from '../../test/support/percentiles.ts'
import { eventually } from '../../test/support/eventually.ts'
import type { Caller } from '../load/caller.ts'
import { callsDuring, failuresIn, modernCallers, type Phase } from '../load/phase.ts'
import type { Scenario } from './scenario.ts'

const SERVERS = 20
const WARM_UP_MS = 5000
const QUIET_MS = 5000
/** Between two edits. */
const EDIT_EVERY_MS = 10
/** Numbers of the tools, of which each edit holds back one. */
const TOOLS = 9
const WITHIN_MS = 30_000

interface Measured extends Phase {
  readonly cpuMs: number
  readonly rssMb: number
}

/** What many edits of the registry do to the calls beside them. */
export const editsScenario: Scenario = {
  name: 'edits',
  title: '--edits edits of a registry of 20 servers, one every 10 ms, while callers go on',
  run: async ({ edits }, say) => {
    const upstream = await startProgram('http.ts')
    try {
      const gateway = await startGateway(documents(upstream.url, 0))
      try {
        const callers = await modernCallers(gateway, 'echo-0_echo')
        say('warming up')
        await callsDuring(callers, () => pause(WARM_UP_MS))
        say('calls without edits')
        const quiet = await measured(gateway, callers, () => pause(QUIET_MS))
        say(`${edits} edits`)
        const edited = await measured(gateway, callers, () => edit(gateway, upstream.url, edits))
        const start = performance.now()
        await holds(gateway, edits)
        const holdsMs = performance.now() - start
        await Promise.all(callers.map((caller) => caller.close()))
        const phases = { 'no edits': quiet, [`${edits} edits`]: edited }
        const text = `${textOf(phases)}the last edit holds ${holdsMs.toFixed(0)} ms after it was written\n`
        return { text, figures: { edits, holdsMs, phases: mapped(phases) } }
      } finally {
        await gateway.close()
      }
    } finally {
      await upstream.close()
    }
  },
}

/** The documents after so many edits, each of which holds back another tool of one server. */
function documents(url: string, edits: number): Record<string, unknown> {
  return documentsOf(SERVERS, (index) => ({
    transport: 'streamable-http',
    url: `${url}?server=${index}`,
    tools: { exclude: [heldBack(index, edits)] },
  }))
}

/** The tool of a server that is held back after so many edits of all servers. */
function heldBack(server: number, edits: number): string {
  const own = Math.floor((edits + SERVERS - 1 - server) / SERVERS)
  return `echo_${(own % TOOLS) + 1}`
}

async function edit(gateway: Gateway, url: string, edits: number): Promise<void> {
  for (let count = 1; count <= edits; count += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await gateway.register(documents(url, count))
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await pause(EDIT_EVERY_MS)
  }
}

/** Resolves once the tool that the last edit holds back is held back. */
async function holds(gateway: Gateway, edits: number): Promise<void> {
  const server = (edits - 1) % SERVERS
  const headers = { authorization: `Bearer ${await gateway.token('reader')}` }
  const tool = `${gateway.url}/v1/tools/echo-${server}_${heldBack(server, edits)}`
  const isHeldBack = async (): Promise<boolean> => (await fetch(tool, { headers })).status === 404
  await eventually(isHeldBack, { what: 'the last edit', timeoutMs: WITHIN_MS, intervalMs: 1 })
}

async function measured(
  { pid }: Gateway,
  callers: readonly Caller[],
  work: () => Promise<unknown>,
): Promise<Measured> {
  const before = usageOf(pid).ownUs
  const phase = await callsDuring(callers, work)
  return { ...phase, cpuMs: (usageOf(pid).ownUs - before) / 1000, rssMb: residentMb(pid) }
}

function textOf(phases: Readonly<Record<string, Measured>>): string {
  const lines = Object.entries(phases).map(([title, phase]) => [
    title,
    (phase.wallMs / 1000).toFixed(1),
    ((phase.times.length / phase.wallMs) * 1000).toFixed(0),
    percentile(phase.times, 0.5).toFixed(2),
    percentile(phase.times, 0.99).toFixed(2),
    (phase.cpuMs / (phase.wallMs / 1000)).toFixed(0),
    phase.rssMb.toFixed(0),
    failuresIn(phase) || 'none',
  ])
  const titles = ['', 'seconds', 'calls/s', 'p50 ms', 'p99 ms', 'CPU ms/s', 'RSS MB', 'failures']
  return aligned([titles, ...lines])
}

function mapped(phases: Readonly<Record<string, Measured>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(phases).map(([title, { times, failures, ...phase }]) => [
      title,
      {
        ...phase,
        calls: times.length,
        p50Ms: percentile(times, 0.5),
        p99Ms: percentile(times, 0.99),
        failures: Object.fromEntries(failures),
      },
    ]),
  )
}
