import { relative } from 'node:path'
import { ON_STAND_IN } from '../firestore-backend.ts'

interface Test {
  readonly status: string
  readonly ancestorTitles: readonly string[]
}

/** What Jest tells of a run, as far as it matters here. */
export interface RunResults {
  readonly testResults: readonly { readonly testFilePath: string; readonly testResults: readonly Test[] }[]
}

/** As `describeWhere` marks the title of a suite. */
const NEED = /\[needs ([^\]]+)\]$/

/** Says at the end of a run which tests did not run and why, and which ran without the Firestore emulator. */
// oxlint-disable-next-line import/no-default-export -- Jest takes a reporter that is the default export
export default class SkippedReporter {
  readonly #rootDir: string
  readonly #isFiltered: boolean

  constructor(config: { readonly rootDir: string; readonly testNamePattern?: string }) {
    this.#rootDir = config.rootDir
    this.#isFiltered = Boolean(config.testNamePattern)
  }

  onRunComplete(_contexts: unknown, results: RunResults): void {
    // Tests whose names were not asked for count as skipped, too.
    const lines = this.#isFiltered ? [] : reportLines(results, this.#rootDir)
    // Jest's own summary comes after the last reporter, and is long when tests failed.
    if (lines.length > 0) process.once('exit', () => process.stderr.write(`\n${lines.join('\n')}\n`))
  }
}

/** A line for each reason, with the number of tests and their files; none where every test ran as it should. */
export function reportLines({ testResults }: RunResults, rootDir: string): string[] {
  const tests = testResults.flatMap((file) =>
    file.testResults.map((test) => ({ ...test, file: relative(rootDir, file.testFilePath) })),
  )
  const skipped = Map.groupBy(
    tests.filter(({ status }) => status === 'pending' || status === 'todo'),
    needOf,
  )
  const onStandIn = tests.filter(
    ({ status, ancestorTitles }) =>
      ['passed', 'failed'].includes(status) && ancestorTitles.some((title) => title.endsWith(ON_STAND_IN)),
  )
  return [
    ...[...skipped].map(([need, those]) => {
      const reason = need === undefined ? 'no reason given' : `needs ${need}`
      return `NOT RUN, ${reason}: ${counted(those.length)} of ${filesOf(those)}`
    }),
    ...(onStandIn.length === 0
      ? []
      : [`Ran on the stand-in for Firestore, not on the emulator: ${counted(onStandIn.length)}`]),
  ]
}

function needOf({ ancestorTitles }: Test): string | undefined {
  return ancestorTitles.map((title) => NEED.exec(title)?.[1]).find((need) => need !== undefined)
}

function counted(count: number): string {
  return count === 1 ? '1 test' : `${count} tests`
}

function filesOf(tests: readonly { readonly file: string }[]): string {
  return [...new Set(tests.map(({ file }) => file))].toSorted().join(', ')
}
