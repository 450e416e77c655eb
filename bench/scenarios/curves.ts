import { compare } from '../comparison/compare.ts'
import { type Measurement, type Row, rowsOf } from '../comparison/figures.ts'
import { aligned, written } from '../comparison/report.ts'
import { FLOOR, REFERENCES, type SystemKind } from '../comparison/systems.ts'
import { poolOf } from '../load/post.ts'
import { openAll, sessionOpener } from './idle-sessions.ts'
import { type Size, sizedGateway } from './scale.ts'
import type { Scenario } from './scenario.ts'

const SMALL: Size = { servers: 1, tools: 10, tenants: 1 }
/** A principal has a limit of sessions. */
const PRINCIPALS = 100
const SESSIONS_AT_ONCE = 32
const BAR = 20

interface Point {
  readonly dimension: string
  readonly kind: SystemKind
}

/** How the cost of a call grows with what the gateway has to do beside it. */
export const curvesScenario: Scenario = {
  name: 'curves',
  title: 'how the cost of a call grows with servers, tools, tenants and idle sessions',
  hasRows: true,
  run: async (options, say) => {
    const points = [
      ...[1, 5, 20, 50].map((count) => sized('servers', count)),
      ...[10, 100, 1000, 10_000].map((count) => sized('tools', count)),
      ...[1, 10, 100, 1000].map((count) => sized('tenants', count)),
      ...[10, 100, 1000, 5000].map((count) => besideSessions(count)),
    ].filter(({ dimension }) => options.only.length === 0 || options.only.includes(dimension))
    const measurements: Measurement[] = []
    for (const dimension of new Set(points.map((point) => point.dimension))) {
      const kinds = points.filter((point) => point.dimension === dimension).map(({ kind }) => kind)
      // oxlint-disable-next-line no-await-in-loop -- few gateways at a time
      measurements.push(...(await compare([...REFERENCES, ...kinds], options, say)))
    }
    const rows = points.flatMap(({ dimension, kind }) => {
      const measured = measurements.filter(({ system }) => system === kind.name || system === FLOOR)
      return rowsOf(measured, FLOOR).filter(({ system }) => system.startsWith(`${dimension} `))
    })
    return { text: textOf(rows), figures: { rows, measurements } }
  },
}

function sized(dimension: 'servers' | 'tools' | 'tenants', count: number): Point {
  return { dimension, kind: sizedGateway(`${dimension} ${count}`, { ...SMALL, [dimension]: count }) }
}

/** A small gateway that has so many idle sessions of HTTP with SSE. */
function besideSessions(count: number): Point {
  const small = sizedGateway(`sessions ${count}`, { ...SMALL, principals: PRINCIPALS })
  const start: SystemKind['start'] = async (surroundings) => {
    const system = await small.start(surroundings)
    const url = new URL('/sse', system.url)
    const pool = poolOf(url, SESSIONS_AT_ONCE)
    await openAll(count, sessionOpener({ url, pool, tokens: system.tokens }))
    const close = async (): Promise<void> => {
      await pool.destroy()
      await system.close()
    }
    return { ...system, close }
  }
  return { dimension: 'sessions', kind: { ...small, start } }
}

function textOf(rows: readonly Row[]): string {
  const largest = Math.max(...rows.map(({ cpuUs }) => cpuUs.median))
  const lines = rows.map(({ system, cpuUs, ratio, rssMb }) => [
    system,
    written(cpuUs, 0),
    ratio === undefined ? '-' : written(ratio, 2),
    rssMb.median.toFixed(0),
    '█'.repeat(Math.round((cpuUs.median / largest) * BAR)).padEnd(BAR),
  ])
  return aligned([['gateway with', 'CPU µs/call', '× bare proxy', 'RSS MB', ''], ...lines])
}
