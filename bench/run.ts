/** What a call through the gateway costs, next to a proxy that only forwards bytes. `npm run bench -- --help` */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { compare } from './comparison/compare.ts'
import { rowsOf } from './comparison/figures.ts'
import { tableOf } from './comparison/report.ts'
import { FLOOR, GATEWAYS, REFERENCES, type SystemKind } from './comparison/systems.ts'
import { type Options, optionsFrom } from './options.ts'

const HELP = `npm run bench -- [options]

  --callers 1,32        callers at the same time, each with one call in flight
  --calls 2000          calls of each measurement, all callers together
  --rounds 3            rounds; in each, every system is measured once, in turn
  --only modern,rest    systems to measure in addition to direct and bare-proxy (default: all)
  --payload 64KB        bytes of each result (default: a few)
  --era modern|legacy   era of the HTTP server behind each system
  --answer json|sse     form in which that server answers
  --short               modern and rest with 32 callers, about a minute
  --json FILE           all figures, for programs
  --help

Systems:
${[...REFERENCES, ...GATEWAYS].map(({ name, title }) => `  ${name.padEnd(20)}  ${title}`).join('\n')}
`

try {
  const options = optionsFrom(process.argv.slice(2))
  if (options.isHelp) process.stdout.write(HELP)
  else await run(options)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function run(options: Options): Promise<void> {
  const start = {
    at: new Date().toISOString(),
    node: process.version,
    processors: availableParallelism(),
    load: loadavg().map((each) => Math.round(each * 100) / 100),
  }
  const kinds = [...REFERENCES, ...chosen(options.only)]
  const measurements = await compare(kinds, options, (line) => process.stderr.write(`${line}\n`))
  const rows = rowsOf(measurements, FLOOR)
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify({ start, options, rows, measurements }, undefined, 2)}\n`)
  process.stdout.write(
    `${start.at}, Node ${start.node}, ${start.processors} processors, load average at the start ${start.load.join(' ')}\n` +
      `${options.rounds} rounds of ${options.calls} calls with results of ${options.bytes} bytes: medians, with the smallest and the largest\n\n` +
      tableOf(rows),
  )
}

function chosen(names: readonly string[]): SystemKind[] {
  if (names.length === 0) return [...GATEWAYS]
  return names.map((name) => {
    const kind = GATEWAYS.find((each) => each.name === name)
    if (kind === undefined) throw new Error(`There is no system ${name}. See --help.`)
    return kind
  })
}
