import { printableLine } from '../domain/text/printable.ts'

const GAP = '  '
/** A column is cut no further than this; what does not fit then is cut at the edge. */
const NARROWEST = 8
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/v
const ZERO_WIDTH = /\p{M}/v

/** How a table is laid out. */
export interface TableOptions {
  /** Width of the terminal; undefined where it is none. */
  readonly columns: number | undefined
  /** Names of the columns, shown at a terminal. */
  readonly header?: readonly string[]
}

/**
 * Rows for who reads them: at a terminal aligned columns below a header, cut to its width; for programs lines of cells
 * between tabs. Whatever a cell holds, it stays one line of text.
 */
export function table(rows: readonly (readonly string[])[], { columns, header }: TableOptions): string {
  if (rows.length === 0) return ''
  const cells = rows.map((row) => row.map(printableLine))
  if (columns === undefined) return cells.map((row) => `${row.join('\t')}\n`).join('')
  return aligned(header === undefined ? cells : [header, ...cells], columns)
}

/** Rows as columns of equal width, cut to `width` where it is given. */
export function aligned(rows: readonly (readonly string[])[], width = Infinity): string {
  const cells = rows.map((row) => row.map(printableLine))
  const count = Math.max(0, ...cells.map((row) => row.length))
  const natural = Array.from({ length: count }, (_, column) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), 0),
  )
  const widths = fitted(natural, width - GAP.length * (count - 1))
  return cells
    .map((row) => row.map((cell, column) => padded(cut(cell, widths[column] ?? 0), widths[column] ?? 0)))
    .map((row) => `${cut(row.join(GAP).trimEnd(), width)}\n`)
    .join('')
}

/** Takes from the widest columns until all fit, the last one first where they are equal. */
function fitted(natural: readonly number[], room: number): number[] {
  const widths = [...natural]
  for (let round = 0; round < widths.length; round += 1) {
    const excess = widths.reduce((sum, one) => sum + one, 0) - room
    const widest = widths.lastIndexOf(Math.max(...widths))
    if (excess <= 0 || widest === -1) break
    widths[widest] = Math.max(NARROWEST, (widths[widest] ?? 0) - excess)
  }
  return widths
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** The text, or as much of it as fits with the mark of an omission. */
function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let used = 0
  let shown = ''
  for (const character of text) {
    used += widthOf(character)
    if (used > width - 1) break
    shown += character
  }
  return `${shown.trimEnd()}…`
}

/** How many cells of a terminal a text takes. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    if (WIDE.test(character)) width += 2
    else if (!ZERO_WIDTH.test(character)) width += 1
  }
  return width
}
