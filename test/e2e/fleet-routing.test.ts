import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { soak } from '../support/soak.ts'
import { connectCallers, instancesPerCaller, misrouted, signAll } from '../support/fleet-callers.ts'
import { startHttpServers, stdioDocument } from '../support/fleet-servers.ts'
import { TRANSPORTS } from '../support/mcp-clients.ts'
import { type Documents, startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const LOCAL_SERVERS = soak(10, 4)
const CALLS = soak(1000, 360)

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function started(servers: Documents): Promise<TestGateway> {
  const gateway = await startTestGateway(servers, { wait: false })
  closers.push(() => gateway.close())
  return gateway
}

/** Where each server with a process of its own, or several, is; the name of an instance is its process id. */
function pidsOf({ gateway }: TestGateway): Map<string, string[]> {
  return new Map(
    gateway.statuses().map(({ name, instances }) => [name, instances.map(({ pid }) => String(pid))]),
  )
}

function statusOf({ gateway }: TestGateway, name: string): ReturnType<typeof gateway.statuses>[number] {
  const found = gateway.statuses().find((status) => status.name === name)
  if (found === undefined) throw new Error(`there is no server ${name}`)
  return found
}

test('every call over every transport is answered by an instance of its own server, of sticky ones by the same each time', async () => {
  const processes = Object.fromEntries(
    Array.from({ length: LOCAL_SERVERS }, (_, index) => {
      const pool = index < 2 ? { min: 2, max: 2 } : {}
      return [`local-${index}`, { ...stdioDocument(`local-${index}`), pool }]
    }),
  )
  const http = await startHttpServers({
    'remote-0': { era: 'legacy', instances: 2 },
    'remote-1': { era: 'modern', instances: 2 },
    'remote-2': { era: 'legacy', instances: 3, fields: { stickySessions: true } },
    'remote-3': { era: 'modern', instances: 3, fields: { loadBalancing: 'consistent_hash' } },
    'remote-4': { era: 'legacy', instances: 2, fields: { loadBalancing: 'least_in_flight' } },
  })
  closers.push(http.close)
  const gateway = await started({ ...processes, ...http.documents })
  const instances = (): { state: string }[] =>
    gateway.gateway.statuses().flatMap((status) => [...status.instances])
  await eventually(() => instances().filter(({ state }) => state === 'ready').length === LOCAL_SERVERS + 14, {
    timeoutMs: 60_000,
  })
  const callers = await connectCallers(gateway.url, (subject) => gateway.token({ subject }), [
    'rest',
    'rest',
    ...TRANSPORTS,
  ])
  closers.push(() => Promise.all(callers.map((caller) => caller.close())))

  const pids = pidsOf(gateway)
  const instancesOf = (server: string): readonly string[] => http.ports.get(server) ?? pids.get(server) ?? []
  const servers = [...Object.keys(processes), ...http.ports.keys()]
  const signed = await signAll(callers, servers, CALLS)

  expect(misrouted(signed, instancesOf)).toEqual([])
  expect(signed).toHaveLength(CALLS)
  expect(pidsOf(gateway)).toEqual(pids)
  const answered = (server: string): Set<string | undefined> =>
    new Set(signed.filter((each) => each.server === server).map(({ answer }) => answer?.instance))
  for (const server of ['remote-0', 'remote-1']) expect(answered(server).size).toBe(2)
  for (const server of ['remote-2', 'remote-3'])
    expect(new Set(instancesPerCaller(signed, server))).toEqual(new Set([1]))
}, 120_000)

test('beside a server that hangs and one that crashes all others answer; restart brings back one that had failed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tool-gateway-fleet-'))
  closers.push(() => rm(folder, { recursive: true }))
  const database = join(folder, 'database')
  const names = ['local-0', 'local-1', 'local-2', 'remote-0', 'remote-1']
  const http = await startHttpServers({
    'remote-0': { era: 'legacy', instances: 1 },
    'remote-1': { era: 'modern', instances: 1 },
  })
  closers.push(http.close)
  const good = Object.fromEntries(names.slice(0, 3).map((name) => [name, stdioDocument(name)]))
  const hanging = { ...stdioDocument('hanging', 'hangs'), timeoutMs: 300_000 }
  const lifecycle = { maxRestarts: 2 }
  const crashing = { ...stdioDocument('crashing', 'crashes', database), lifecycle }
  const gateway = await started({ ...good, ...http.documents, hanging, crashing })
  const isReady = (name: string): boolean => statusOf(gateway, name).state === 'ready'
  await eventually(() => [...names, 'hanging'].every(isReady))
  const callers = await connectCallers(gateway.url, (subject) => gateway.token({ subject }), [
    'rest',
    'modern',
    'streamable-http',
  ])
  closers.push(() => Promise.all(callers.map((caller) => caller.close())))

  const [first] = callers
  const stuck = callers.map((caller) => caller.sign('hanging', 'stuck').catch(() => undefined))
  await eventually(() => statusOf(gateway, 'hanging').inFlight === callers.length)
  const pids = pidsOf(gateway)
  const signed = await signAll(callers, names, soak(150, 60))
  expect(misrouted(signed, (server) => http.ports.get(server) ?? pids.get(server) ?? [])).toEqual([])
  for (const caller of callers)
    expect((await caller.list()).toSorted()).toEqual(['hanging', ...names].map((name) => `${name}_sign`))

  await eventually(() => statusOf(gateway, 'crashing').state === 'failed')
  expect(statusOf(gateway, 'crashing')).toMatchObject({
    instances: [{ restarts: 2, lastError: expect.stringContaining('there is no database') as unknown }],
  })
  await writeFile(database, '')
  const operator = await gateway.token({ roles: ['operator'] })
  const { status } = await gateway.rest(operator, 'POST', '/v1/servers/crashing/restart')
  expect(status).toBe(200)
  await eventually(() => isReady('crashing'))
  expect(await first?.sign('crashing', 'again')).toMatchObject({ server: 'crashing', call: 'again' })

  expect(statusOf(gateway, 'hanging').inFlight).toBe(callers.length)
  await gateway.rest(operator, 'POST', '/v1/servers/hanging/stop')
  await Promise.all(stuck)
}, 120_000)
