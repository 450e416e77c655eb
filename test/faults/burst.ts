import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { load, type Outcome, quantile, statuses } from './load.ts'
import type { Probe } from './prober.ts'
import type { ReplicaFleet } from './replica-fleet.ts'

const FEW = 100
const MS = 8000
const PROBE_P99_MS = 250

/** What one burst came to. */
interface Burst {
  readonly perSecond: number
  readonly probeP99: number
  /** Calls that were neither answered nor refused with the time to wait. */
  readonly wrong: number
}

interface Options {
  readonly callers: number
  readonly say: (what: string, figures: unknown) => void
}

/** Many callers at one replica between two runs of few, with probes on new connections. Resolves with what was missed. */
export async function burst(fleet: ReplicaFleet, { callers, say }: Options): Promise<string[]> {
  const [url = ''] = fleet.urls
  const token = await fleet.token()
  await load(url, { callers: 8, ms: 1000, token, tool: 'ledger_count' })
  const bursts: Burst[] = []
  for (const count of [FEW, callers, FEW]) {
    const prober = new Worker(new URL('prober.ts', import.meta.url), { workerData: fleet.probeUrls[0] })
    const outcomes = await load(url, { callers: count, ms: MS, token, tool: 'ledger_count' })
    prober.postMessage('stop', [])
    const [probes] = (await once(prober, 'message')) as [Probe[]]
    bursts.push(figuresOf(outcomes, probes, (figures) => say(`burst of ${count}`, figures)))
  }
  const [before, many, after] = bursts
  if (before === undefined || many === undefined || after === undefined) return ['bursts']
  const few = Math.min(before.perSecond, after.perSecond)
  say('burst', {
    probeP99: many.probeP99,
    ofThroughput: Number((many.perSecond / few).toFixed(2)),
    wrong: many.wrong,
  })
  return [
    ...(many.probeP99 > PROBE_P99_MS ? [`probes within ${PROBE_P99_MS} ms: p99 ${many.probeP99} ms`] : []),
    ...(many.perSecond < few ? [`${few} calls a second as with ${FEW} callers: ${many.perSecond}`] : []),
    ...(many.wrong > 0 ? [`200, or 503 with Retry-After: ${many.wrong} others`] : []),
  ]
}

function figuresOf(
  outcomes: readonly Outcome[],
  probes: readonly Probe[],
  say: (figures: unknown) => void,
): Burst {
  const answered = outcomes.filter(({ status }) => status === 200)
  const refused = outcomes.filter(({ status, retryAfter }) => status === 503 && retryAfter !== undefined)
  const times = answered.map(({ ms }) => ms)
  const figures: Burst = {
    perSecond: Math.round(answered.length / (MS / 1000)),
    probeP99: quantile(
      probes.map(({ ms }) => ms),
      0.99,
    ),
    wrong: outcomes.length - answered.length - refused.length,
  }
  const connected = quantile(
    probes.map(({ connectedMs }) => connectedMs),
    0.99,
  )
  say({
    ...statuses(outcomes),
    ...figures,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    probes: probes.length,
    probeConnectedP99: connected,
    probeMax: quantile(
      probes.map(({ ms }) => ms),
      1,
    ),
  })
  return figures
}
