/**
 * Ten stdio and five HTTP servers behind one gateway: how long until all are ready, and whether every call of several
 * callers over REST and MCP is answered by the right server and instance, which sign their answers.
 * `node bench/fleet.ts [calls]`
 */
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { eventually } from '../test/support/eventually.ts'
import { connectCallers, misrouted, signAll } from '../test/support/fleet-callers.ts'
import { spawnFleetGateway } from '../test/support/fleet-gateway.ts'
import { startHttpServers, stdioDocument } from '../test/support/fleet-servers.ts'
import { percentiles } from '../test/support/percentiles.ts'
import { descendantsOf } from '../test/support/process-tree.ts'

const FACES = ['rest', 'rest', 'streamable-http', 'modern', 'sse', 'websocket'] as const
const WARM_UP = 500
/** Of a clock tick, in which Linux counts. */
const TICK_S = 0.01

const calls = Number(process.argv[2] ?? 5000)
const http = await startHttpServers({
  'remote-0': { era: 'legacy', instances: 2 },
  'remote-1': { era: 'modern', instances: 2 },
  'remote-2': { era: 'legacy', instances: 2, fields: { stickySessions: true } },
  'remote-3': { era: 'modern', instances: 2, fields: { loadBalancing: 'consistent_hash' } },
  'remote-4': { era: 'legacy', instances: 2, fields: { loadBalancing: 'least_in_flight' } },
})
const local = Array.from({ length: 10 }, (_, index) => `local-${index}`)
const documents = Object.fromEntries(local.map((name) => [name, stdioDocument(name)]))
const begun = performance.now()
const gateway = await spawnFleetGateway({ ...documents, ...http.documents })
const listening = performance.now()
try {
  const states = await eventually(
    async () => {
      const found = await gateway.states()
      const instances = found.flatMap((each) => each.instances)
      return found.length === 15 && instances.every(({ state }) => state === 'ready') && found
    },
    { timeoutMs: 60_000, what: 'every instance being ready' },
  )
  const ready = performance.now()
  say(`load of the machine over the last minute: ${(loadavg()[0] ?? 0).toFixed(1)}`)
  say(
    `ten stdio and five HTTP servers with two endpoints each ready ${seconds(ready - begun)} after the start of the gateway, ${seconds(ready - listening)} after it listens; processor time of it and its processes by then: ${cpuSeconds([gateway.pid, ...descendantsOf(gateway.pid)]).toFixed(2)} s`,
  )
  const pids = new Map(
    states.map(({ name, instances }) => [name, instances.map(({ pid }) => String(pid))] as const),
  )
  const callers = await connectCallers(gateway.url, gateway.token, FACES)
  const servers = [...local, ...http.ports.keys()]
  await signAll(callers, servers, WARM_UP)
  const [before, cpuBefore] = [performance.now(), cpuSeconds([gateway.pid])]
  const signed = await signAll(callers, servers, calls)
  const perSecond = (calls / (performance.now() - before)) * 1000
  const cpuPerCall = ((cpuSeconds([gateway.pid]) - cpuBefore) / calls) * 1000
  const wrong = misrouted(signed, (server) => http.ports.get(server) ?? pids.get(server) ?? [])
  for (const line of wrong.slice(0, 10)) say(`wrong: ${line}`)
  say(
    `${signed.length} calls of ${callers.length} callers with two in flight each: ${signed.length - wrong.length} answered by the right server and instance`,
  )
  say(
    `all              ${percentiles(signed.map(({ ms }) => ms))}, ${perSecond.toFixed(0)} calls/s, ${cpuPerCall.toFixed(2)} ms of processor time of the gateway for each`,
  )
  for (const face of new Set(FACES)) {
    const times = signed.filter(({ caller }) => caller.title === face).map(({ ms }) => ms)
    say(`${face.padEnd(16)} ${percentiles(times)}`)
  }
  await Promise.all(callers.map((caller) => caller.close()))
} finally {
  await gateway.close()
  http.close()
}

/** Of processes that are running; 0 where there is no /proc. */
function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((each) => {
    try {
      const text = readFileSync(`/proc/${each}/stat`, 'utf8')
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return Number(fields[11]) + Number(fields[12])
    } catch {
      return 0
    }
  })
  return ticks.reduce((sum, each) => sum + each, 0) * TICK_S
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
