/**
 * One fault by hand: `node test/faults/run.ts <fault>`. Starts a fleet, does it, and prints figures and what is wrong with
 * the history. Faults: calls [count] [transport], kill [rounds] [callers] [file], roll [rounds], burst [callers],
 * fair [rounds] [callers], cold [rounds], idle [sessions].
 */
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { Worker } from 'node:worker_threads'
import { connectSdk, SDK_CLIENTS } from '../support/sdk-clients.ts'
import { coldReplica, unannouncedTool } from './cold.ts'
import type { Flood } from './flood.ts'
import { faultsIn, type SeenRecord } from './history.ts'
import { idleSessions } from './idle.ts'
import { load, type LoadOptions, type Outcome, quantile, statuses } from './load.ts'
import { ReplicaFleet } from './replica-fleet.ts'

const PROJECT = 'demo-fault-run'
/** Only faults that need no other replica work with files. */
const STORE = process.argv[2] === 'kill' && process.argv[5] === 'file' ? 'file' : 'firestore'

function say(what: string, figures: unknown): void {
  const load1 = loadavg()[0]?.toFixed(1)
  process.stdout.write(`${what}: ${JSON.stringify(figures)} (load ${load1})\n`)
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** All usage records of one tenant that a gateway knows. */
async function recordsAt(url: string, token: string): Promise<SeenRecord[]> {
  const found: SeenRecord[] = []
  let cursor: string | undefined
  do {
    const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const answer = await fetch(`${url}/v1/audit?limit=1000${query}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const page = (await answer.json()) as { records: Record<string, unknown>[]; nextCursor?: string }
    for (const { requestId, tenantId, outcome } of page.records)
      found.push({ id: String(requestId), tenantId: String(tenantId), outcome: String(outcome) })
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return found
}

/** The records of calls: of Firestore, or of the file of each gateway. */
async function recordsOf(fleet: ReplicaFleet, store: string): Promise<SeenRecord[]> {
  if (store === 'file') {
    const token = await fleet.token()
    return (await Promise.all(fleet.urls.map((url) => recordsAt(url, token)))).flat()
  }
  const { docs } = await fleet.client.db.collection('tool_usage').get()
  return docs.map((document) => ({
    id: String(document.get('requestId')),
    tenantId: String(document.get('tenantId')),
    outcome: String(document.get('outcome')),
  }))
}

/** Every SDK client over every transport, or over one, by way of all replicas. */
async function calls(fleet: ReplicaFleet): Promise<void> {
  const count = Number(process.argv[3] ?? 1250)
  const token = await fleet.token()
  for (const kind of SDK_CLIENTS.filter(([, transport]) => transport === (process.argv[4] ?? transport))) {
    const client = await connectSdk(kind, fleet.proxy.url, token)
    const started = performance.now()
    const errors: Record<string, number> = {}
    for (let call = 0; call < count; call += 1)
      await client
        .callTool({ name: 'ledger_write', arguments: { id: `${kind.join()}-${call}` } })
        .catch(({ message }: Error) => (errors[message] = (errors[message] ?? 0) + 1))
    await client.close().catch(() => undefined)
    const seconds = Math.round((performance.now() - started) / 1000)
    say(kind.join(' '), { calls: count, seconds, errors })
  }
}

/** Kills one replica after the other under load. */
async function kill(fleet: ReplicaFleet): Promise<void> {
  const rounds = Number(process.argv[3] ?? 3)
  const callers = Number(process.argv[4] ?? 16)
  const token = await fleet.token()
  fleet.proxy.probe(200)
  const outcomes: Outcome[] = []
  for (let round = 0; round < rounds; round += 1) {
    const loading = load(fleet.proxy.url, { callers, ms: 3000, token })
    await sleep(1500)
    const index = round % fleet.urls.length
    await fleet.kill(index)
    fleet.proxy.use(fleet.urls.filter((_url, other) => other !== index))
    outcomes.push(...(await loading))
    await fleet.restart(index)
  }
  await sleep(6000)
  const history = {
    calls: outcomes,
    ledger: await fleet.ledger(),
    records: await recordsOf(fleet, STORE),
    processes: [],
  }
  const faults = faultsIn(history)
  const unknown = history.records.filter(({ outcome }) => outcome === 'unknown').length
  say('kill', {
    rounds,
    callers,
    store: STORE,
    unknown,
    calls: outcomes.length,
    ...statuses(outcomes),
    faults: faults.length,
  })
  for (const fault of faults.slice(0, 20)) process.stdout.write(`  ${fault}\n`)
}

/** Restarts all replicas, one after the other, under steady calls. */
async function roll(fleet: ReplicaFleet): Promise<void> {
  const rounds = Number(process.argv[3] ?? 2)
  const token = await fleet.token()
  fleet.proxy.probe(250)
  const state = { isOver: false }
  const outcomes: Outcome[] = []
  const callers = Promise.all(
    Array.from({ length: 10 }, async () => {
      while (!state.isOver)
        outcomes.push(...(await load(fleet.proxy.url, { callers: 1, ms: 1000, token, pauseMs: 200 })))
    }),
  )
  for (let round = 0; round < rounds; round += 1)
    for (let index = 0; index < fleet.urls.length; index += 1) {
      fleet.gateways[index]?.child.kill('SIGTERM')
      await fleet.gateways[index]?.exited
      await fleet.restart(index)
      await sleep(500)
    }
  state.isOver = true
  await callers
  const failed = outcomes.filter(({ status }) => status !== 200)
  say('roll', { rounds, calls: outcomes.length, ...statuses(outcomes), failed: failed.length })
}

/** Many callers at one replica, with probes on new connections. */
async function burst(fleet: ReplicaFleet): Promise<void> {
  const [url = ''] = fleet.urls
  const token = await fleet.token()
  await load(url, { callers: 8, ms: 1000, token, tool: 'ledger_count' })
  for (const callers of [100, Number(process.argv[3] ?? 800), 100]) {
    const prober = new Worker(new URL('prober.ts', import.meta.url), { workerData: fleet.probeUrls[0] })
    const outcomes = await load(url, { callers, ms: 8000, token, tool: 'ledger_count' })
    prober.postMessage('stop', [])
    const [probes] = (await once(prober, 'message')) as [number[]]
    const answered = outcomes.filter(({ status }) => status === 200)
    const refused = outcomes.filter(({ status }) => status === 503)
    say(`burst of ${callers}`, {
      ...statuses(outcomes),
      perSecond: Math.round(answered.length / 8),
      p50: quantile(
        answered.map(({ ms }) => ms),
        0.5,
      ),
      p99: quantile(
        answered.map(({ ms }) => ms),
        0.99,
      ),
      withRetryAfter: refused.filter(({ retryAfter }) => retryAfter !== undefined).length,
      probes: probes.length,
      probeP99: quantile(probes, 0.99),
    })
  }
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

/** One tenant's flood next to another tenant's calls, in turn at this gateway and at another one: machines vary. */
async function fair(fleet: ReplicaFleet): Promise<void> {
  const rounds = Number(process.argv[3] ?? 4)
  const callers = Number(process.argv[4] ?? 64)
  const [url = '', other = ''] = fleet.urls
  const [acme, globex] = [await fleet.token(), await fleet.token({ tenant_id: 'globex' })]
  const time = { ms: 6000 }
  for (const [what, toolOfAcme, toolOfGlobex] of [
    ['own servers', 'ledger_count', 'globex_count'],
    ['one server for all', 'shared_slow', 'shared_slow'],
  ] as const) {
    const args = { ms: 50 }
    const steady = (): Promise<Outcome[]> =>
      load(url, {
        callers: 8,
        ...time,
        token: globex,
        tenantId: 'globex',
        tool: toolOfGlobex,
        args,
        pauseMs: 200,
      })
    const passed: Record<'beside' | 'control', number[]> = { beside: [], control: [] }
    const seen: Record<'alone' | 'beside' | 'control', Outcome[]> = { alone: [], beside: [], control: [] }
    for (let round = 0; round < rounds; round += 1) {
      seen.alone.push(...(await steady()))
      for (const [at, of] of [
        [url, 'beside'],
        [other, 'control'],
      ] as const) {
        const flooding = floodIn(at, { callers, ...time, token: acme, tool: toolOfAcme, args })
        const outcomes = await steady()
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
  }
}

/** A replica that comes new, and tools that a server announces to nobody. */
async function cold(fleet: ReplicaFleet): Promise<void> {
  for (let round = 0; round < Number(process.argv[3] ?? 3); round += 1) {
    say('cold replica', await coldReplica(fleet))
    say('unannounced tool', await unannouncedTool(fleet, `new-${round}`))
  }
}

/** Sessions that only listen, at one replica, and an edit that a few of them see. */
async function idle(fleet: ReplicaFleet): Promise<void> {
  say('idle sessions', await idleSessions(fleet, Number(process.argv[3] ?? 5000)))
}

const FAULTS: Record<string, (fleet: ReplicaFleet) => Promise<void>> = {
  calls,
  kill,
  roll,
  burst,
  fair,
  cold,
  idle,
}
const MANY = { MAX_SESSIONS: '20000', MAX_SESSIONS_PER_TENANT: '20000', MAX_SESSIONS_PER_PRINCIPAL: '20000' }
/** As many as there are in an organization. */
function manyServers(url: string): Record<string, Record<string, unknown>> {
  const names = Array.from({ length: 20 }, (_none, index) => `server-${index}`)
  return Object.fromEntries(
    names.map((name) => [name, { name, tenantId: 'acme', transport: 'streamable-http', url }]),
  )
}

const fault = FAULTS[process.argv[2] ?? '']
if (fault === undefined) throw new Error(`name one of ${Object.keys(FAULTS).join(', ')}`)
const fleet = await ReplicaFleet.start({
  project: PROJECT,
  store: STORE,
  ...(fault === idle && {
    replicas: 1,
    env: { ...MANY, MAX_CONNECTIONS: '15000', MAX_CONNECTIONS_PER_ADDRESS: '15000' },
  }),
  documents: (url) => ({
    ...(fault === cold && manyServers(url)),
    globex: { name: 'globex', tenantId: 'globex', transport: 'streamable-http', url },
    shared: {
      name: 'shared',
      tenantId: '*',
      sharing: 'global',
      transport: 'streamable-http',
      url,
      pool: { maxConcurrentPerInstance: 8, queueLimit: 200 },
    },
  }),
})
try {
  await fault(fleet)
} finally {
  const left = await fleet.close()
  if (left.length > 0) process.stdout.write(`processes were left: ${left.join()}\n`)
}
