import { percentile } from '../support/percentiles.ts'
import type { Outcome } from './check.ts'
import type { CanaryReport } from './world/canary-thread.ts'
import type { Vitals } from './world/gateway.ts'

/** What came of one family. */
export interface FamilyReport {
  readonly name: string
  readonly outcomes: readonly Outcome[]
  readonly canary: CanaryReport
  readonly vitals: Vitals
}

const CANARY_P99_MS = 250
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Prints a line for each family and each problem; returns whether all was as expected. */
export function printReport(
  reports: readonly FamilyReport[],
  { isAnyTime }: { readonly isAnyTime: boolean },
): boolean {
  const outcomes = reports.flatMap((report) => report.outcomes)
  for (const { family, row, problems } of outcomes)
    for (const problem of problems) print(`  ✗ ${family}: ${row.what}\n      ${problem}`)
  print(
    `${'family'.padEnd(24)}${'inputs'.padStart(8)}${'as expected'.padStart(13)}   other tenant p50/p99/max ms   loop blocked   memory`,
  )
  for (const report of reports) print(lineOf(report))
  const times = reports.flatMap(({ canary }) => canary.times)
  const errors = reports.flatMap(({ canary }) => canary.errors)
  const right = outcomes.filter(({ problems }) => problems.length === 0).length
  const p99 = percentile(times, 0.99)
  print(
    `\n${outcomes.length} inputs, ${right} as expected; ${times.length} calls of another tenant meanwhile: ` +
      `${errors.length} failed, p99 ${Math.round(p99)} ms (limit ${CANARY_P99_MS} ms)`,
  )
  for (const error of errors.slice(0, 5)) print(`  ✗ the other tenant: ${error}`)
  return right === outcomes.length && errors.length === 0 && (isAnyTime || p99 < CANARY_P99_MS)
}

function lineOf({ name, outcomes, canary: { times }, vitals }: FamilyReport): string {
  const right = outcomes.filter(({ problems }) => problems.length === 0).length
  const canary = [0.5, 0.99, 1]
    .map((share) => Math.round(percentile(times, Math.min(share, 1 - 1e-9))))
    .join(' / ')
  return [
    name.padEnd(24),
    String(outcomes.length).padStart(8),
    String(right).padStart(13),
    canary.padStart(28),
    `${vitals.blockedMs} ms`.padStart(15),
    `${vitals.rssMb} MB`.padStart(9),
  ].join('')
}
