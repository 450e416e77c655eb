/** Entry of `npm run conformance`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { parse } from 'yaml'
import { runAuthorization } from './authorization.ts'
import { type Expectation, judge, type Verdict } from './judge.ts'
import { type Run, RUNS } from './runs.ts'
import { type Results, runSuite } from './suite.ts'
import { startBridgeCallers } from './callers/bridge-callers.ts'
import { type CallerService, startDirectCallers, startGatewayCallers } from './callers/caller-service.ts'
import { startUnderTest } from './under-test.ts'

const EXPECTATIONS = new URL('expected-failures.yaml', import.meta.url)

const CALLER = new URL('callers/command.ts', import.meta.url)

/** The suite starts all its clients at once. */
const SCENARIO_MS = '120000'

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const program = new Command('npm run conformance --')
  .description('Runs the official MCP conformance suite through a gateway, and without one to compare.')
  .option(
    '--run <name...>',
    'only these runs; a run without the gateway is added where one is compared with it',
  )
  .option('-o, --output-dir <dir>', "keeps the suite's output there, a folder per run")
  .option('--list', 'names the runs and does nothing')
  .addHelpText(
    'after',
    '\nExit code: 0 when every check passes that is not in expected-failures.yaml, else 1.',
  )
const options = program.parse().opts<{ run?: string[]; outputDir?: string; list?: boolean }>()

if (options.list === true) for (const { name, title } of RUNS) print(`${name}  ${title}`)
else await runAll(selected(options.run))

/** @throws as a wrong command line, if a name is none */
function selected(names: readonly string[] | undefined): readonly Run[] {
  if (names === undefined) return RUNS.filter(({ isByNameOnly }) => isByNameOnly !== true)
  const wanted = RUNS.filter(({ name }) => names.includes(name))
  const unknown = names.filter((name) => !RUNS.some((run) => run.name === name))
  if (unknown.length > 0)
    program.error(`unknown run ${unknown.join(', ')}; --list names them`, { exitCode: 64 })
  return RUNS.filter((run) => wanted.includes(run) || wanted.some(({ baseline }) => baseline === run.name))
}

async function runAll(runs: readonly Run[]): Promise<void> {
  const expectations = await readExpectations()
  const directory = options.outputDir ?? (await mkdtemp(join(tmpdir(), 'conformance-')))
  const done = new Map<string, Results>()
  const verdicts: [Run, Verdict][] = []
  for (const run of runs) {
    const start = performance.now()
    const results = await runOne(run, join(directory, run.name))
    done.set(run.name, results)
    const verdict = judge(run.name, results, expectations, done.get(run.baseline ?? ''))
    verdicts.push([run, withMinimum(run, verdict)])
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    print(`${run.name}: ${verdict.passed} passed, ${verdict.failed} failed (${seconds} s)`)
  }
  if (options.outputDir === undefined) await rm(directory, { recursive: true, force: true })
  print('')
  for (const line of table(verdicts, done)) print(line)
  for (const [{ name }, { problems }] of verdicts) {
    if (problems.length > 0) print(`\n${name}:`)
    for (const problem of problems) print(`  ${problem}`)
  }
  if (verdicts.some(([, { problems }]) => problems.length > 0)) process.exitCode = 1
}

/** @throws if one names a run that there is none of */
async function readExpectations(): Promise<readonly Expectation[]> {
  const expectations = parse(await readFile(EXPECTATIONS, 'utf8')) as Expectation[]
  const unknown = expectations
    .flatMap((one) => one.runs)
    .filter((name) => !RUNS.some((run) => run.name === name))
  if (unknown.length > 0) throw new Error(`expected-failures.yaml names no run: ${unknown.join(', ')}`)
  return expectations
}

function runOne(run: Run, outputDir: string): Promise<Results> {
  if (run.side === 'authorization') return runAuthorization({ ...run, outputDir })
  return run.side === 'server' ? runServerSide(run, outputDir) : runClientSide(run, outputDir)
}

async function runServerSide(run: Extract<Run, { side: 'server' }>, outputDir: string): Promise<Results> {
  const { version, selection, eras, baseline } = run
  const underTest = await startUnderTest(eras, baseline !== undefined)
  try {
    return await runSuite({ version, args: ['server', '--url', underTest.url, ...selection], outputDir })
  } finally {
    await underTest.close()
  }
}

async function runClientSide(run: Extract<Run, { side: 'client' }>, outputDir: string): Promise<Results> {
  const { version, selection } = run
  const callers = await callersFor(run)
  const command = `${process.execPath} ${fileURLToPath(CALLER)}`
  try {
    const results = await runSuite({
      version,
      args: ['client', '--command', command, '--timeout', SCENARIO_MS, ...selection],
      outputDir,
      env: { CONFORMANCE_CALLERS: callers.url },
    })
    return new Map([...results].filter(([scenario]) => scenario.startsWith(run.only ?? '')))
  } finally {
    await callers.close()
  }
}

function callersFor({ era, baseline, client }: Extract<Run, { side: 'client' }>): Promise<CallerService> {
  if (client === 'bridge') return startBridgeCallers(era)
  return baseline !== undefined || client === 'gateway' ? startGatewayCallers(era) : startDirectCallers(era)
}

function withMinimum({ atLeast = 0 }: Run, verdict: Verdict): Verdict {
  if (verdict.passed >= atLeast) return verdict
  return {
    ...verdict,
    problems: [...verdict.problems, `${verdict.passed} checks pass, ${atLeast} have to`],
  }
}

/** As Markdown, so that it can go into docs/protocol.md as it is. */
function table(verdicts: readonly [Run, Verdict][], done: ReadonlyMap<string, Results>): string[] {
  const rows = verdicts.map(([{ name, version, selection, title, baseline }, verdict]) => [
    `\`${name}\``,
    `${version} \`${selection.join(' ')}\``,
    title,
    String(verdict.scenarios),
    `${verdict.passed} / ${verdict.failed}`,
    baseline === undefined ? '' : countsOf(done.get(baseline)),
    String(verdict.excused.length),
    String(verdict.problems.length),
  ])
  const head = [
    'Run',
    'Suite',
    'What',
    'Scenarios',
    'Passed / failed',
    'Without gateway',
    'Expected',
    'Problems',
  ]
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

function countsOf(results: Results | undefined): string {
  const checks = [...(results?.values() ?? [])].flat()
  const number = (status: string): number => checks.filter((check) => check.status === status).length
  return `${number('SUCCESS')} / ${number('FAILURE')}`
}
