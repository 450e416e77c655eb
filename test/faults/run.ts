/**
 * One fault by hand: `node test/faults/run.ts <fault>`. Starts a fleet, does it, and prints figures and what is wrong with
 * the history; ends with 1 where `burst`, `fair` or `idle` missed what they show. Faults: calls [count] [transport], kill [rounds] [callers] [file], roll [rounds], burst [callers],
 * fair [rounds] [callers], cold [rounds], idle [sessions].
 */
import { loadavg } from 'node:os'
import { connectSdk, SDK_CLIENTS } from '../support/sdk-clients.ts'
import { burst } from './burst.ts'
import { coldReplica, unannouncedTool } from './cold.ts'
import { fair } from './fair.ts'
import { faultsIn, type SeenRecord } from './history.ts'
import { idleSessions, missedBy } from './idle.ts'
import { load, type Outcome, statuses } from './load.ts'
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

/** A replica that comes new, and tools that a server announces to nobody. */
async function cold(fleet: ReplicaFleet): Promise<void> {
  for (let round = 0; round < Number(process.argv[3] ?? 3); round += 1) {
    say('cold replica', await coldReplica(fleet))
    say('unannounced tool', await unannouncedTool(fleet, `new-${round}`))
  }
}

/** Sessions that only listen, at one replica, and an edit that a few of them see. */
async function idle(fleet: ReplicaFleet): Promise<string[]> {
  const figures = await idleSessions(fleet, Number(process.argv[3] ?? 5000))
  say('idle sessions', figures)
  return missedBy(figures)
}

/** Each may resolve with what was missed. */
const FAULTS: Record<string, (fleet: ReplicaFleet) => Promise<readonly string[] | void>> = {
  calls,
  kill,
  roll,
  burst: (of) => burst(of, { callers: Number(process.argv[3] ?? 800), say }),
  fair: (of) =>
    fair(of, { rounds: Number(process.argv[3] ?? 4), callers: Number(process.argv[4] ?? 64), say }),
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
  documents: (url, otherUrl) => ({
    ...(fault === cold && manyServers(url)),
    // One tenant's calls do not wait at the other one's server.
    globex: { name: 'globex', tenantId: 'globex', transport: 'streamable-http', url: otherUrl },
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
  const missed = (await fault(fleet)) ?? []
  for (const what of missed) process.stdout.write(`missed: ${what}\n`)
  if (missed.length > 0) process.exitCode = 1
} finally {
  const left = await fleet.close()
  if (left.length > 0) process.stdout.write(`processes were left: ${left.join()}\n`)
}
