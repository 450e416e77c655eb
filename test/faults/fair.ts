import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Flood } from './flood.ts'
import { load, type LoadOptions, type Outcome, quantile, statuses } from './load.ts'
import type { ReplicaFleet } from './replica-fleet.ts'

const MS = 6000
/** How much longer calls may take beside a flood at the same gateway than beside one at another gateway. */
const LONGEST = 1.2

interface Options {
  readonly rounds: number
  readonly callers: number
  readonly say: (what: string, figures: unknown) => void
}

/** Two tools of the flood's tenant and of the other one, and what they have in common. */
const CASES = [
  ['own servers', 'ledger_count', 'globex_count'],
  ['one server for all', 'shared_slow', 'shared_slow'],
] as const

type Seen = Record<'alone' | 'beside' | 'control', Outcome[]>

/**
 * One tenant's flood next to another tenant's calls, in turn at this gateway and at another one, because machines vary. Resolves
 * with what was missed.
 */
export async function fair(fleet: ReplicaFleet, options: Options): Promise<string[]> {
  const { rounds, callers, say } = options
  const [url = '', other = ''] = fleet.urls
  const [acme, globex] = [await fleet.token(), await fleet.token({ tenant_id: 'globex' })]
  const missed: string[] = []
  for (const [what, floodTool, tool] of CASES) {
    const args = { ms: 50 }
    const steadily = { callers: 8, ms: MS, token: globex, tenantId: 'globex', tool, args, pauseMs: 200 }
    const passed: Record<'beside' | 'control', number[]> = { beside: [], control: [] }
    const seen: Seen = { alone: [], beside: [], control: [] }
    for (let round = 0; round < rounds; round += 1) {
      seen.alone.push(...(await load(url, steadily)))
      for (const [at, of] of [
        [url, 'beside'],
        [other, 'control'],
      ] as const) {
        const flooding = floodIn(at, { callers, ms: MS, token: acme, tool: floodTool, args })
        const outcomes = await load(url, steadily)
        const flood = await flooding
        seen[of].push(...outcomes)
        passed[of].push(...overtaking(outcomes, flood))
        say(`${what}: flood (${of})`, flood.counts)
      }
    }
    for (const [of, outcomes] of Object.entries(seen))
      say(`${what}: ${of}`, { ...statuses(outcomes), ...quantiles(outcomes.map(({ ms }) => ms)) })
    for (const [of, counts] of Object.entries(passed))
      say(`${what}: calls of the flood meanwhile (${of})`, quantiles(counts))
    missed.push(...judged(what, seen, say))
  }
  return missed
}

/** Whether calls beside the flood took as long as beside the same flood at another gateway. */
function judged(what: string, { beside, control }: Seen, say: Options['say']): string[] {
  const [besideP99, controlP99] = [beside, control].map((outcomes) => p99Of(outcomes)) as [number, number]
  const ratio = Number((besideP99 / controlP99).toFixed(2))
  say(`${what}: p99`, { beside: besideP99, control: controlP99, ratio })
  const failed = beside.filter(({ status }) => status !== 200).length
  return [
    ...(ratio > LONGEST ? [`${what}: p99 beside the flood ${ratio} times that of the control`] : []),
    ...(failed > 0 ? [`${what}: ${failed} calls beside the flood failed`] : []),
  ]
}

function p99Of(outcomes: readonly Outcome[]): number {
  return quantile(
    outcomes.map(({ ms }) => ms),
    0.99,
  )
}

/** A load that a thread of its own makes, so that it takes no time from what is measured here. */
async function floodIn(url: string, options: LoadOptions): Promise<Flood> {
  const thread = new Worker(new URL('flood.ts', import.meta.url), { workerData: { url, options } })
  const [flood] = (await once(thread, 'message')) as [Flood]
  return flood
}

/** How many calls of a flood ended while each of these was under way: a time that does not depend on the machine. */
function overtaking(outcomes: readonly Outcome[], { ends }: Flood): number[] {
  return outcomes.map(({ ms, endedAt }) => ends.filter((at) => at > endedAt - ms && at < endedAt).length)
}

function quantiles(values: readonly number[]): Record<string, number> {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95), p99: quantile(values, 0.99) }
}
