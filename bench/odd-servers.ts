/**
 * How soon one good server can be used beside many that are each odd, broken or silent in another way: from the start of
 * the gateway's process, and from when it listens, until a client of each kind has listed the tool of the good server and
 * called it. Then what the operator reads of each of the others. Exits with 1 when a client waits longer than 2 s, or
 * when nothing that is said of one of the others names what is odd.
 * `node bench/odd-servers.ts [http|stdio] [count]`: how the gateway reaches the good one, and how many others there are
 */
import { loadavg } from 'node:os'
import { eventually } from '../test/support/eventually.ts'
import { type FleetGateway, spawnFleetGateway } from '../test/support/fleet-gateway.ts'
import { startHttpServers, stdioDocument } from '../test/support/fleet-servers.ts'
import { startOddRegistry } from '../test/support/odd-registry.ts'
import { connectSdk } from '../test/support/sdk-clients.ts'

const LIMIT_MS = 2000
/** A silent program is waited for one minute. */
const TOLD_MS = 90_000
/** Between two lists of a client, which must not keep the gateway busy. */
const LOOK_MS = 50
const CLIENTS = [
  ['v1', 'streamable-http'],
  ['v2', 'streamable-http'],
  ['v2', 'modern'],
] as const
/** The last one in every order. */
const GOOD = 'zz-good'

const odd = await startOddRegistry()
const http = await startHttpServers({ [GOOD]: { era: 'legacy', instances: 1 } })
const count = Number(process.argv[3] ?? odd.expected.size)
/** Of every kind, as far as there is room. */
const names = [...odd.expected.keys()].filter(
  (_, index, { length }) => Math.floor(((index + 1) * count) / length) > Math.floor((index * count) / length),
)
const documents = Object.fromEntries(names.map((name) => [name, odd.documents[name] ?? {}]))
const good = process.argv[2] === 'stdio' ? { [GOOD]: stdioDocument(GOOD) } : http.documents
const begun = performance.now()
const gateway = await spawnFleetGateway({ ...documents, ...good })
const listening = performance.now()
try {
  say(`load of the machine over the last minute: ${(loadavg()[0] ?? 0).toFixed(1)}`)
  say(`${names.length} odd servers; the gateway listens ${seconds(listening - begun)} after its start`)
  const slowest = Math.max(...(await Promise.all(CLIENTS.map((client) => served(gateway, client)))))
  const missed = await unsaid(gateway)
  say(`${names.length - missed.length} of ${names.length} odd servers have what is odd said of them`)
  if (slowest > LIMIT_MS || missed.length > 0) process.exitCode = 1
} finally {
  await gateway.close()
  http.close()
  await odd.close()
}

/** Lists until the tool is there, calls it once, and says how long that took; resolves with the time since the start. */
async function served(of: FleetGateway, [version, kind]: (typeof CLIENTS)[number]): Promise<number> {
  const title = `client ${version} ${kind}`
  const client = await connectSdk([version, kind], of.url, await of.token(title))
  const lists = await eventually(
    async () => {
      const { tools } = await client.listTools()
      return tools.some(({ name }) => name === `${GOOD}_sign`) && tools.length
    },
    { timeoutMs: TOLD_MS, intervalMs: LOOK_MS, what: `the tool of ${GOOD} in the list of ${title}` },
  )
  const listed = performance.now()
  await client.callTool({ name: `${GOOD}_sign`, arguments: { call: title } })
  const called = performance.now()
  say(
    `${title.padEnd(25)} listed ${seconds(listed - begun)} after the start, among ${lists} tools; called ${seconds(called - begun)} after the start, ${seconds(called - listening)} after it listens`,
  )
  await client.close()
  return called - begun
}

/** The odd servers of which nothing names what is odd; says what is said of each. */
async function unsaid(of: FleetGateway): Promise<string[]> {
  let told: ReadonlyMap<string, string> = new Map()
  const open = (): string[] => names.filter((name) => !told.get(name)?.includes(odd.expected.get(name) ?? ''))
  await eventually(
    async () => {
      told = await of.said()
      return open().length === 0
    },
    { timeoutMs: TOLD_MS, intervalMs: 500 },
  ).catch(() => undefined)
  for (const name of names) say(`  ${name}: ${told.get(name) ?? 'nothing'}`)
  for (const name of open()) say(`missing of ${name}: ${odd.expected.get(name)}`)
  return open()
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
