import { compare } from '../comparison/compare.ts'
import { rowsOf } from '../comparison/figures.ts'
import { documentsOf, startGateway } from '../comparison/gateway.ts'
import { tableOf } from '../comparison/report.ts'
import { FLOOR, REFERENCES, type SystemKind } from '../comparison/systems.ts'
import type { Scenario } from './scenario.ts'

/** How large a gateway is. */
export interface Size {
  readonly servers: number
  /** Of each server. */
  readonly tools: number
  readonly tenants: number
  /** As many as there are callers or tenants by default. */
  readonly principals?: number
}

const SIZES: Readonly<Record<string, Size>> = {
  small: { servers: 1, tools: 10, tenants: 1 },
  servers: { servers: 50, tools: 10, tenants: 1 },
  tools: { servers: 1, tools: 10_000, tenants: 1 },
  tenants: { servers: 1, tools: 10, tenants: 1000 },
}

/** Whether a call costs the same in a small and in a large gateway. */
export const scaleScenario: Scenario = {
  name: 'scale',
  title: 'what a call costs with 50 servers, 10,000 tools or 1,000 tenants, next to a small gateway',
  hasRows: true,
  run: async (options, say) => {
    const names = options.only.length === 0 ? Object.keys(SIZES) : options.only
    const kinds = names.map(kindOf)
    const measurements = await compare([...REFERENCES, ...kinds], options, say)
    const rows = rowsOf(measurements, FLOOR)
    const legend = kinds.map(({ name, title }) => `${name}: ${title}\n`).join('')
    return { text: `${legend}\n${tableOf(rows)}`, figures: { rows, measurements } }
  },
}

function kindOf(name: string): SystemKind {
  const size = SIZES[name]
  if (size === undefined) throw new Error(`There is no size ${name}, only ${Object.keys(SIZES).join(', ')}.`)
  return sizedGateway(name, size)
}

/** A gateway of that size. */
export function sizedGateway(name: string, { servers, tools, tenants, principals = 0 }: Size): SystemKind {
  return {
    name,
    title: `${servers} servers with ${tools} tools each, callers of ${tenants} tenants, clients of 2026-07-28`,
    start: async ({ upstream, callers }) => {
      const documents = documentsOf(servers, (index) => ({
        transport: 'streamable-http',
        url: `${upstream.url}&tools=${tools}&server=${index}`,
        tenantId: '*',
        sharing: 'global',
        requiredRoles: ['reader'],
      }))
      const gateway = await startGateway(documents)
      const tokens = Array.from({ length: Math.max(callers, tenants, principals) }, (_, index) =>
        gateway.token(`caller-${index}`, ['reader'], `tenant-${index % tenants}`),
      )
      return {
        ...gateway,
        url: `${gateway.url}/mcp`,
        name,
        way: 'modern',
        tool: 'echo-0_echo',
        tokens: await Promise.all(tokens),
      }
    },
  }
}
