import type { Row, Spread } from './figures.ts'

const COLUMNS: readonly (readonly [title: string, of: (row: Row) => string])[] = [
  ['system', ({ system }) => system],
  ['callers', ({ callers }) => String(callers)],
  ['CPU µs/call', ({ cpuUs }) => written(cpuUs, 0)],
  ['× bare proxy', ({ ratio }) => (ratio === undefined ? '-' : written(ratio, 2))],
  ['children µs', ({ childrenUs }) => (childrenUs.max === 0 ? '-' : written(childrenUs, 0))],
  ['calls/s', ({ callsPerSecond }) => written(callsPerSecond, 0)],
  ['p50 ms', ({ p50Ms }) => written(p50Ms, 2)],
  ['p99 ms', ({ p99Ms }) => written(p99Ms, 2)],
  ['RSS MB', ({ rssMb }) => rssMb.median.toFixed(0)],
]

/** The rows as a table of text: medians over the rounds, with the smallest and the largest value. */
export function tableOf(rows: readonly Row[]): string {
  return aligned([COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))])
}

/** Lines with the cells below each other; the first cell of each is on the left, the others on the right. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  )
  const cell = (text: string, index: number): string =>
    index === 0 ? text.padEnd(widths[index] ?? 0) : text.padStart(widths[index] ?? 0)
  return lines.map((line) => `${line.map(cell).join('  ').trimEnd()}\n`).join('')
}

/** A median with its bounds, which are left out where all values are equal. */
export function written({ median, min, max }: Spread, digits: number): string {
  const bounds = min === max ? '' : ` (${min.toFixed(digits)}-${max.toFixed(digits)})`
  return median.toFixed(digits) + bounds
}
