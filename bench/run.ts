/** What the gateway costs, next to a proxy that only forwards bytes. `npm run bench -- --help` */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { chartOf } from './comparison/chart.ts'
import { PEER_KINDS } from './comparison/peers.ts'
import { GATEWAYS, REFERENCES } from './comparison/systems.ts'
import { type Options, optionsFrom } from './options.ts'
import { callsScenario } from './scenarios/calls.ts'
import { clientsScenario } from './scenarios/clients.ts'
import { curvesScenario } from './scenarios/curves.ts'
import { editsScenario } from './scenarios/edits.ts'
import { idleSessionsScenario } from './scenarios/idle-sessions.ts'
import { listsScenario } from './scenarios/lists.ts'
import { progressScenario } from './scenarios/progress.ts'
import { resultsScenario } from './scenarios/results.ts'
import { scaleScenario } from './scenarios/scale.ts'
import { slowStoreScenario } from './scenarios/slow-store.ts'
import { startUpScenario } from './scenarios/start-up.ts'

const SCENARIOS = [
  callsScenario,
  resultsScenario,
  progressScenario,
  scaleScenario,
  curvesScenario,
  listsScenario,
  idleSessionsScenario,
  clientsScenario,
  editsScenario,
  slowStoreScenario,
  startUpScenario,
]

const HELP = `npm run bench -- [scenario] [options]

Scenarios:
${named(SCENARIOS)}

Options:
  --callers 1,32        callers at the same time, each with one call in flight
  --calls 5000          calls of each measurement, all callers together
  --warm-up 50000       calls of each system before its first measurement, so that V8 has compiled what runs often
  --rounds 3            rounds; in each, every system is measured once, in turn
  --settling 2          further rounds before them that do not count: until V8 has seen connections that close, too
  --only modern,rest    systems to measure in addition to direct and bare-proxy (default: all)
  --peers               other programs, too (scenario calls)
  --payload 64KB        size of an image in each result (default: none)
  --progress 0          progress messages before each result, for modern and legacy
  --era modern|legacy   era of the HTTP server behind each system
  --answer json|sse     form in which that server answers
  --sessions 5000       number of idle sessions
  --clients 500         number of clients that come at the same time
  --edits 1000          number of edits of the registry
  --short               modern and rest with 32 callers, about a minute on a quiet machine
  --at-most 3           exits with 1 if a gateway costs more than so many times the bare proxy
  --json FILE           all figures, for programs
  --chart FILE          the rows as bars, an SVG (scenarios calls, scale and curves)
  --help

Systems:
${named([...REFERENCES, ...GATEWAYS])}

Other programs, with --peers:
${named(PEER_KINDS)}
`

// What it has started ends with it, see `endsWithUs`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  const options = optionsFrom(process.argv.slice(2))
  if (options.help) process.stdout.write(HELP)
  else await run(options)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function run(options: Options): Promise<void> {
  const scenario = SCENARIOS.find(({ name }) => name === options.command)
  if (scenario === undefined) throw new Error(`There is no scenario ${options.command}. See --help.`)
  if (options.chart !== undefined && scenario.hasRows !== true)
    throw new Error(`The scenario ${options.command} has no rows for a --chart.`)
  const start = {
    at: new Date().toISOString(),
    node: process.version,
    processors: availableParallelism(),
    load: loadavg().map((each) => Math.round(each * 100) / 100),
  }
  const { text, figures } = await scenario.run(options, (line) => process.stderr.write(`${line}\n`))
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify({ start, options, ...figures }, undefined, 2)}\n`)
  if (options.chart !== undefined) await writeFile(options.chart, chartOf(figures.rows ?? []))
  process.stdout.write(
    `${start.at}, Node ${start.node}, ${start.processors} processors, load average at the start ${start.load.join(' ')}\n${text}`,
  )
  for (const { system, callers, ratio = { median: 0 } } of figures.rows ?? [])
    if (ratio.median > options.atMost && !REFERENCES.some(({ name }) => name === system))
      throw new Error(`${system} with ${callers} callers: ${ratio.median.toFixed(2)} times the bare proxy`)
}

function named(each: readonly { name: string; title: string }[]): string {
  return each.map(({ name, title }) => `  ${name.padEnd(20)}  ${title}`).join('\n')
}
