import { readFileSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { quantile } from './load.ts'
import type { ReplicaFleet } from './replica-fleet.ts'

const AT_ONCE = 25
const LONGEST_MS = 10_000
/** How long memory must not have fallen. */
const QUIET_S = 15
/** How long sessions are idle. */
const IDLE_MS = 120_000
/** The most that the sessions may add to the memory of the process, and the longest that an edit may take to reach those whom it affects. */
const MOST_MB = 150
const SOON_MS = 1000

interface IdleSession {
  readonly stream: IncomingMessage
  /** When it was told that its list has changed. */
  readonly told: number[]
}

/** Opens a session of HTTP with SSE that does nothing but listen. */
export async function openIdle(url: string, token: string, agent: Agent): Promise<IdleSession> {
  const headers = { authorization: `Bearer ${token}` }
  const { promise: opened, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request(`${url}/sse`, { headers: { ...headers, accept: 'text/event-stream' }, agent: false })
    .on('response', resolve)
    .on('error', reject)
    .end()
  const stream = await opened
  const told: number[] = []
  const endpoint = Promise.withResolvers<string>()
  const answered = Promise.withResolvers<void>()
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = /^data: ?(.*)$/m.exec(event)?.[1] ?? ''
      if (event.includes('event: endpoint')) endpoint.resolve(data)
      else if (data.includes('"protocolVersion"')) answered.resolve()
      else if (data.includes('list_changed')) told.push(performance.now())
    }
  })
  stream.on('error', () => undefined)
  const path = await endpoint.promise
  const post = (message: Record<string, unknown>): Promise<void> => {
    const sent = Promise.withResolvers<void>()
    request(`${url}${path}`, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-type': 'application/json' },
    })
      .on('response', (answer) => answer.resume().on('end', sent.resolve))
      .on('error', sent.reject)
      .end(JSON.stringify({ jsonrpc: '2.0', ...message }))
    return sent.promise
  }
  const clientInfo = { name: 'idle', version: '1' }
  const params = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo }
  await post({ id: 1, method: 'initialize', params })
  await answered.promise
  await post({ method: 'notifications/initialized' })
  return { stream, told }
}

function residentMb(pid: number | undefined): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kilobytes) / 1024)
}

/**
 * The memory that a process keeps once it has had nothing to do for a while: V8 gives back what it needed for working
 * about ten seconds later.
 */
async function restingMb(pid: number | undefined): Promise<number> {
  let leastMb = residentMb(pid)
  for (let quietS = 0; quietS < QUIET_S; quietS += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const nowMb = residentMb(pid)
    if (nowMb < leastMb) [leastMb, quietS] = [nowMb, 0]
  }
  return leastMb
}

/** Idle sessions of two roles at one replica, and an edit that one of them sees. */
export async function idleSessions(fleet: ReplicaFleet, count: number): Promise<Record<string, number>> {
  const [url = ''] = fleet.urls
  const pid = fleet.gateways[0]?.child.pid
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const tokens = [await fleet.token({ roles: ['editor'] }), await fleet.token({ roles: ['viewer'] })] as const
  await openIdle(url, tokens[0], agent)
  const [beforeMb, restingBeforeMb] = [residentMb(pid), await restingMb(pid)]
  const started = performance.now()
  const sessions: { readonly isEditor: boolean; readonly session: IdleSession }[] = []
  let next = 0
  const opener = async (): Promise<void> => {
    while (next < count) {
      const isEditor = (next += 1) % 20 === 0
      sessions.push({ isEditor, session: await openIdle(url, tokens[isEditor ? 0 : 1], agent) })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, opener))
  const openedMs = Math.round(performance.now() - started)
  const addedMb = residentMb(pid) - beforeMb
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const addedAtRestMb = residentMb(pid) - restingBeforeMb
  const editors = sessions.filter(({ isEditor }) => isEditor)
  const editedAt = performance.now()
  await fleet.client.db
    .doc('mcp_servers/edited')
    .set({ ...fleet.usual, name: 'edited', requiredRoles: ['editor'] })
  while (editors.some(({ session: { told } }) => told.length === 0)) {
    if (performance.now() - editedAt > LONGEST_MS) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const delays = editors.flatMap(({ session: { told } }) => told.slice(0, 1).map((at) => at - editedAt))
  const others = sessions.filter(({ isEditor, session: { told } }) => !isEditor && told.length > 0).length
  for (const { session } of sessions) session.stream.destroy()
  agent.destroy()
  const leftMb = (await restingMb(pid)) - restingBeforeMb
  return {
    sessions: sessions.length,
    openedMs,
    beforeMb,
    addedMb,
    restingBeforeMb,
    addedAtRestMb,
    leftMb,
    affected: editors.length,
    toldOfThem: delays.length,
    p50: quantile(delays, 0.5),
    last: Math.round(Math.max(0, ...delays)),
    toldWithoutNeed: others,
  }
}

/** What of the figures of `idleSessions` is not as it should be. */
export function missedBy(figures: Record<string, number>): string[] {
  const {
    addedMb = 0,
    addedAtRestMb = 0,
    affected = 0,
    toldOfThem = 0,
    last = 0,
    toldWithoutNeed = 0,
  } = figures
  return [
    ...(addedMb > MOST_MB ? [`the sessions add ${addedMb} MB`] : []),
    ...(addedAtRestMb > MOST_MB ? [`the sessions add ${addedAtRestMb} MB at rest`] : []),
    ...(toldOfThem < affected || last > SOON_MS
      ? [`${toldOfThem} of ${affected} were told, after ${last} ms`]
      : []),
    ...(toldWithoutNeed > 0 ? [`${toldWithoutNeed} were told for nothing`] : []),
  ]
}
