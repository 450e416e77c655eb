/** Entry of `npm run test:hostile`: sends every input of the catalogue to a running gateway. */
import { parseArgs } from 'node:util'
import { checkRecords, type Outcome, run } from './check.ts'
import { FAMILIES, NEEDS } from './families.ts'
import { type FamilyReport, printReport } from './report.ts'
import { World } from './world/world.ts'

const { values, positionals } = parseArgs({
  options: {
    /** Prints every answer. */
    show: { type: 'boolean', default: false },
    /** Without the direct path, whose answers have to be the same. */
    general: { type: 'boolean', default: false },
    /** Leaves out what depends on what else the machine does: times, memory, and families with timed answers. */
    'any-time': { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const wanted = FAMILIES.filter(({ name, isTimed = false }) =>
  positionals.length === 0 ? !(isTimed && values['any-time']) : positionals.includes(name),
)
if (wanted.length === 0) {
  process.stderr.write(`the families are ${FAMILIES.map(({ name }) => name).join(', ')}\n`)
  process.exit(64)
}

await using world = await World.start(NEEDS, values.general ? { DIRECT_PATH: 'off' } : {})
const reports: FamilyReport[] = []
await world.gateway.vitals()
for (const { name, rows } of wanted) {
  const prepared = await rows(world)
  await world.canary.report()
  const own: Outcome[] = []
  for (const row of prepared) {
    if (!world.gateway.isAlive) break
    const requestId = `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${own.length}`
    const outcome = await run(name, row, world, { requestId, isAnyTime: values['any-time'] })
    if (values.show) process.stdout.write(`${outcome.row.what}: ${JSON.stringify(outcome.got)}\n`)
    own.push(outcome)
  }
  reports.push({
    name,
    outcomes: own,
    canary: await world.canary.report(),
    vitals: await world.gateway.vitals(),
  })
}
await checkRecords(
  reports.flatMap(({ outcomes }) => outcomes),
  world,
)
process.exitCode = printReport(reports, { isAnyTime: values['any-time'] }) ? 0 : 1
