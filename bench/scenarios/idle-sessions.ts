import { setTimeout as pause } from 'node:timers/promises'
import type { Pool } from 'undici'
import { descendantsOf } from '../../test/support/process-tree.ts'
import { startGateway } from '../comparison/gateway.ts'
import { collectedHeapMb } from '../comparison/heap.ts'
import { residentMb, usageOf } from '../comparison/process-usage.ts'
import { startProgram } from '../comparison/programs.ts'
import { aligned } from '../comparison/report.ts'
import type { Caller } from '../load/caller.ts'
import { poolOf } from '../load/post.ts'
import { sseCaller } from '../load/session-callers.ts'
import type { Scenario } from './scenario.ts'

const PRINCIPALS = 100
const AT_ONCE = 32
const IDLE_MS = 15_000

/** What the gateway has in memory, in MB: the heap without garbage, and all that is resident. */
interface Memory {
  readonly heapMb: number
  readonly rssMb: number
}

/** What sessions cost that do nothing. */
export const idleSessionsScenario: Scenario = {
  name: 'idle-sessions',
  title: 'memory of --sessions idle sessions of HTTP+SSE, and whether it is released when they close',
  run: async ({ sessions }, say) => {
    const upstream = await startProgram('http.ts')
    const documents = { echo: { transport: 'streamable-http', url: upstream.url } }
    const gateway = await startGateway(documents, { NODE_OPTIONS: '--inspect=127.0.0.1:0' })
    const pool = poolOf(new URL(gateway.url), AT_ONCE)
    const memory = async (): Promise<Memory> => ({
      heapMb: await collectedHeapMb(gateway.inspector()),
      rssMb: residentMb(gateway.pid),
    })
    try {
      const subjects = Array.from({ length: PRINCIPALS }, (_, index) => `caller-${index}`)
      const tokens = await Promise.all(subjects.map((subject) => gateway.token(subject)))
      const openOne = sessionOpener({ url: new URL(`${gateway.url}/sse`), pool, tokens })
      say('warming up')
      for (let round = 0; round < 5; round += 1) await closeAll(await openAll(100, openOne))
      const before = await memory()
      say(`opening ${sessions} sessions`)
      const [start, usedUs] = [performance.now(), usageOf(gateway.pid).ownUs]
      const opened = await openAll(sessions, openOne)
      const openMs = performance.now() - start
      const openUs = (usageOf(gateway.pid).ownUs - usedUs) / sessions
      const uncollectedMb = residentMb(gateway.pid)
      const open = await memory()
      const idleFrom = usageOf(gateway.pid).ownUs
      await pause(IDLE_MS)
      const idleMsPerSecond = (usageOf(gateway.pid).ownUs - idleFrom) / IDLE_MS
      const processes = descendantsOf(gateway.pid).length
      say('closing them')
      await closeAll(opened)
      await pause(IDLE_MS / 3)
      const closed = await memory()
      const figures = {
        sessions,
        before,
        uncollectedMb,
        open,
        closed,
        openMs,
        openUs,
        idleMsPerSecond,
        processes,
      }
      return { text: textOf(figures), figures }
    } finally {
      await pool.destroy()
      await gateway.close()
      await upstream.close()
    }
  },
}

/** Makes the function that opens a session that does nothing. */
export function sessionOpener({
  url,
  pool,
  tokens,
}: {
  readonly url: URL
  readonly pool: Pool
  readonly tokens: readonly string[]
}): (index: number) => Promise<Caller> {
  return (index) =>
    sseCaller({
      url,
      tool: 'echo_echo',
      bytes: 0,
      authorization: () => ({ authorization: `Bearer ${tokens[index % tokens.length]}` }),
      pool,
    })
}

/** Opens so many, some of them at the same time. */
export async function openAll(count: number, openOne: (index: number) => Promise<Caller>): Promise<Caller[]> {
  const open: Caller[] = []
  const turns = Array.from({ length: count }, (_, index) => index).values()
  const worker = async (): Promise<void> => {
    for (const index of turns) open.push(await openOne(index))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return open
}

async function closeAll(callers: readonly Caller[]): Promise<void> {
  await Promise.all(callers.map((caller) => caller.close()))
}

interface Figures {
  readonly sessions: number
  readonly before: Memory
  readonly open: Memory
  /** Resident when the last session was open, with garbage. */
  readonly uncollectedMb: number
  readonly closed: Memory
  readonly openMs: number
  readonly openUs: number
  readonly idleMsPerSecond: number
  readonly processes: number
}

function textOf(figures: Figures): string {
  const { before, open, closed, uncollectedMb } = figures
  const line = (title: string, { heapMb, rssMb }: Memory): string[] => [
    title,
    heapMb.toFixed(0),
    rssMb.toFixed(0),
    (rssMb - before.rssMb).toFixed(0),
  ]
  const memory = aligned([
    ['', 'heap MB', 'RSS MB', 'RSS over before'],
    line('before', before),
    ['open, with garbage', '', uncollectedMb.toFixed(0), (uncollectedMb - before.rssMb).toFixed(0)],
    line('open', open),
    line('closed', closed),
  ])
  return `${figures.sessions} sessions of HTTP+SSE; heap and RSS after a collection of garbage

${memory}
opened in ${(figures.openMs / 1000).toFixed(1)} s with ${figures.openUs.toFixed(0)} µs of processor time each
processor time while all are idle: ${figures.idleMsPerSecond.toFixed(1)} ms in each second
processes below the gateway: ${figures.processes}
`
}
