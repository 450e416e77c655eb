import { descendantsOf } from '../../test/support/process-tree.ts'
import { spreadOf } from '../comparison/figures.ts'
import { documentsOf, startGateway } from '../comparison/gateway.ts'
import { residentMb, usageOf } from '../comparison/process-usage.ts'
import { startProgram } from '../comparison/programs.ts'
import { aligned, written } from '../comparison/report.ts'
import { STDIO_SERVER } from '../comparison/systems.ts'
import type { Scenario } from './scenario.ts'

interface Kind {
  readonly title: string
  readonly count: number
  readonly document: (index: number, url: string) => Record<string, unknown>
}

interface Started {
  readonly title: string
  readonly listeningMs: number
  readonly readyMs: number
  readonly cpuMs: number
  readonly rssMb: number
  readonly childrenMb: number
}

const overHttp: Kind['document'] = (index, url) => ({
  transport: 'streamable-http',
  url: `${url}?server=${index}`,
})
const overStdio: Kind['document'] = () => ({
  transport: 'stdio',
  command: process.execPath,
  args: [STDIO_SERVER],
})
const KINDS: readonly Kind[] = [
  { title: '1 over HTTP', count: 1, document: overHttp },
  { title: '50 over HTTP', count: 50, document: overHttp },
  { title: '50 over stdio', count: 50, document: overStdio },
]

/** From the start of the process until every server is ready. */
export const startUpScenario: Scenario = {
  name: 'start-up',
  title: 'time, processor time and memory until 50 servers are ready',
  run: async ({ rounds }, say) => {
    const upstream = await startProgram('http.ts')
    const found: Started[] = []
    try {
      for (let round = 1; round <= rounds; round += 1) {
        for (const kind of KINDS) {
          say(`round ${round} of ${rounds}, ${kind.title}`)
          // oxlint-disable-next-line no-await-in-loop -- one gateway at a time
          found.push(await started(kind, upstream.url))
        }
      }
    } finally {
      await upstream.close()
    }
    const lines = [['servers', 'listens ms', 'all ready ms', 'CPU ms', 'RSS MB', 'RSS of their processes MB']]
    for (const [title, group] of Map.groupBy(found, (each) => each.title)) {
      const column = (of: (each: Started) => number): string => written(spreadOf(group.map(of)), 0)
      lines.push([
        title,
        column(({ listeningMs }) => listeningMs),
        column(({ readyMs }) => readyMs),
        column(({ cpuMs }) => cpuMs),
        column(({ rssMb }) => rssMb),
        column(({ childrenMb }) => childrenMb),
      ])
    }
    return { text: aligned(lines), figures: { starts: found } }
  },
}

async function started({ title, count, document }: Kind, url: string): Promise<Started> {
  const gateway = await startGateway(documentsOf(count, (index) => document(index, url)))
  try {
    const children = descendantsOf(gateway.pid).map(residentMb)
    return {
      title,
      listeningMs: gateway.listeningMs,
      readyMs: gateway.readyMs,
      cpuMs: usageOf(gateway.pid).ownUs / 1000,
      rssMb: residentMb(gateway.pid),
      childrenMb: children.reduce((sum, each) => sum + each, 0),
    }
  } finally {
    await gateway.close()
  }
}
